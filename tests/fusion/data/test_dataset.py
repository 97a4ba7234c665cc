"""The store as nnU-Net's dataset: right voxels, right vectors, and refusals before a training begins."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.data.dataset import StoreDataset
from fusion.data.network_input import NetworkInput
from fusion.data.vectors import deranged, swappable
from fusion.data.view import View
from fusion.inputs import CONTROLS, ROWS, Inputs
from fusion.recipe import Channel, Recipe
from fusion.samples.sample import Sample
from radstore.canonical import digest_of
from radstore.errors import BadInput, CorruptBlock, StoreError
from radstore.images.volume import Geometry
from radstore.store import blocks, layout, log
from radstore.store.blocks import CODEC, Block
from radstore.store.bucket import Bucket, open_bucket
from radstore.store.log import Change
from radstore.store.manifest import CaseRecord, Entry
from radstore.store.query import Snapshot

SPEC, OTHER_SPEC = "1" * 64, "2" * 64
PLAN, VIEW = "stage2-fold0", "selected@stage1-fold0"
MAPS = (Channel("log_glcm_Imc1", -0.5, 0.25), Channel("lbp_glrlm_Run", 100.0, 30.0))
VECTOR = (Channel("original_shape_Sphericity", 0.5, 0.1), *MAPS[:1])
RECIPE = Recipe(
    stage=2, fold=0, inputs=Inputs("ct"), view=VIEW, spec_hash=SPEC, maps=MAPS, vector=VECTOR, store="s"
)
SHAPE = (20, 40, 36)
CASES = ("a", "b", "c", "d", "e", "f")


def sample(case: str) -> Sample:
    chance = np.random.default_rng(ord(case))
    data = chance.normal(size=(3, *SHAPE)).astype(np.float32)
    region = np.zeros(SHAPE, np.uint8)
    region[4:15, 8:30, 5:20] = 1
    data[1:, region == 0] = np.nan
    seg = chance.integers(-1, 7, (1, *SHAPE)).astype(np.int8)
    places = np.argwhere(seg[0] == 1)[:50]
    locations = np.column_stack([np.ones(len(places)), places]).astype(np.int32)
    names = ("CT", *(channel.name for channel in MAPS))
    grid = Geometry(SHAPE[::-1], (0.7, 0.7, 1.5))
    return Sample(data, names, region, seg, locations, {"spacing": [1.5, 0.7, 0.7]}, grid)


class Store:
    """A store in the making: cases with samples and vectors, then a view of it in a folder."""

    def __init__(self, root: str | Path, folder: Path) -> None:
        self.bucket: Bucket = open_bucket(root)
        self.folder = folder
        layout.create(self.bucket, CODEC)

    def publish(self, case: str, block: Block, spec: str = SPEC) -> Entry:
        key = digest_of([case, block.digest])
        return Entry(key, digest=blocks.publish(self.bucket, layout.object_folder(key), block), spec=spec)

    def add(self, case: str, made: Sample | None = None, vector: Entry | None = None, **more: Entry) -> None:
        entries = {f"training/{PLAN}": self.publish(case, (made or sample(case)).to_block())}
        entries[f"features/{VIEW}"] = vector or self.publish(case, self.vector(case))
        if more:
            entries = {name.replace("__", "/"): entry for name, entry in more.items()}
        record = CaseRecord({"patient": f"P{case}"}, entries, {"fold": CASES.index(case) % 2})
        log.commit(self.bucket, {case: Change(None, record)})

    @staticmethod
    def vector(case: str) -> Block:
        values = np.array([ord(case), np.nan if case == "b" else 0.25])
        names = [channel.name for channel in VECTOR][::-1]  # they are found by name
        return Block("features", {"features": values[::-1].copy()}, None, {"names": names})

    def snapshot(self) -> Snapshot:
        return Snapshot(self.bucket, log.head(self.bucket))

    def dataset(self, recipe: Recipe | str = "ct", cases: list[str] | None = None) -> StoreDataset:
        recipe = recipe if isinstance(recipe, Recipe) else RECIPE.for_row(Inputs(recipe))
        View.of(self.snapshot(), PLAN, recipe).save(self.folder)
        return StoreDataset(str(self.folder), cases)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store", tmp_path / "preprocessed")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Six cases in two folds, with samples and vectors; not to be changed."""
    root = tmp_path_factory.mktemp("full")
    made = Store(root / "store", root / "preprocessed")
    for case in CASES:
        made.add(case)
    return made


class TestVoxels:
    @pytest.mark.parametrize("row", [*ROWS, *CONTROLS])
    def test_a_row_is_the_recipes_input(self, row: str, full: Store) -> None:
        data, seg, previous, properties = full.dataset(row).load_case("c")
        made, recipe = sample("c"), RECIPE.for_row(Inputs(row))
        meant = recipe.network_input(made.data, made.names, made.region)
        assert (data.shape, data.ndim, data.dtype) == (meant.shape, 4, meant.dtype)
        np.testing.assert_array_equal(np.asarray(data), meant)
        for box in [np.s_[:, 3:18, -30:39, 35:], np.s_[0, 2], np.s_[..., 7], np.s_[-1:, 1:2], np.s_[:]]:
            np.testing.assert_array_equal(data[box], meant[box])
        np.testing.assert_array_equal(np.asarray(seg), made.seg)
        assert previous is None
        assert properties["spacing"] == [1.5, 0.7, 0.7]

    def test_an_undefined_channel_is_told_apart(self, store: Store) -> None:
        made = sample("a")
        made.data[0] = np.nan  # no CT is like that; but if one is, it is not made into 0
        store.add("a", made)
        data, *_ = store.dataset("ct+maps").load_case("a")
        assert np.isnan(data[0]).all()
        assert not np.isnan(data[1:]).any()

    def test_channels_are_found_by_name(self, store: Store) -> None:
        made = sample("a")
        store.add("a", replace(made, data=made.data[[2, 0, 1]], names=(made.names[2], *made.names[:2])))
        data, *_ = store.dataset("ct+maps").load_case("a")
        meant = RECIPE.for_row(Inputs("ct+maps")).network_input(made.data, made.names, made.region)
        np.testing.assert_array_equal(data[:], meant)

    def test_places_of_each_label(self, full: Store) -> None:
        *_, properties = full.dataset().load_case("a")
        places = properties["class_locations"]
        assert set(places) == {1, 2, 3, 4, 5, 6}
        assert all(type(label) is int for label in places)
        assert len(places[2]) == 0
        assert (places[1][:, 0] == 0).all()
        seg = sample("a").seg
        assert seg is not None
        assert (seg[tuple(places[1].T)] == 1).all()

    def test_properties_are_each_callers_own(self, full: Store) -> None:
        dataset = full.dataset()
        dataset.load_case("a")[3].pop("class_locations")
        assert "class_locations" in dataset.load_case("a")[3]

    def test_zarr_reads_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        remote = Store("memory://", tmp_path)
        remote.add("a")
        monkeypatch.setattr(View, "open", lambda _: remote.snapshot())  # another process would find it empty
        dataset = remote.dataset("ct+maps")
        assert "read by zarr" in dataset.notices[0]
        made = sample("a")
        meant = dataset.recipe.network_input(made.data, made.names, made.region)
        np.testing.assert_array_equal(dataset.load_case("a")[0][:, 3:, 2:30], meant[:, 3:, 2:30])


class TestLoader:
    """nnU-Net's own loader over it."""

    def loader(self, dataset: StoreDataset, patch: tuple[int, int, int]) -> Any:
        from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
        from nnunetv2.utilities.label_handling.label_handling import LabelManager

        labels = LabelManager(dict(RECIPE.labels), None)
        return nnUNetDataLoader(dataset, 2, patch, patch, labels, oversample_foreground_percent=0.5)

    @pytest.mark.parametrize("patch", [(8, 16, 16), (32, 48, 24)])
    def test_patches(self, full: Store, patch: tuple[int, int, int]) -> None:
        """Also of patches larger than the case: they are padded."""
        loader = self.loader(full.dataset("ct+maps"), patch)
        np.random.seed(0)
        for _ in range(3):
            batch = next(loader)
            assert batch["data"].shape == (2, 3, *patch)
            assert batch["target"].shape == (2, 1, *patch)
            assert batch["data"].isfinite().all()
            assert (batch["data"] != 0).any()

    def test_foreground_is_in_the_second_of_two(self, full: Store) -> None:
        loader = self.loader(full.dataset(), (4, 4, 4))
        assert all((next(loader)["target"][1] == 1).any() for _ in range(5))


class TestProcesses:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # Python 3.12's
    def test_datasets_travel(self, method: str, full: Store) -> None:
        dataset = full.dataset("ct+maps+global")
        data, *_ = dataset.load_case("a")
        with multiprocessing.get_context(method).Pool(1) as pool:
            elsewhere, _, _, properties = pool.apply(dataset.load_case, ("a",))
            assert isinstance(elsewhere, NetworkInput)
            np.testing.assert_array_equal(pool.apply(np.asarray, (data,)), data[:])
            np.testing.assert_array_equal(pool.apply(dataset.vector, ("a",)), dataset.vector("a"))
        np.testing.assert_array_equal(elsewhere[:], data[:])
        assert len(properties["class_locations"][1]) == 50

    def test_no_handle_and_no_voxel_travels(self, full: Store) -> None:
        dataset = full.dataset("ct+maps+global")
        dataset.load_case("a")[0][:]
        assert len(pickle.dumps(dataset)) < 10_000


class TestVectors:
    def test_own_standardised_by_name(self, full: Store) -> None:
        dataset = full.dataset("ct+global")
        for case in CASES:
            meant = [(ord(case) - 0.5) / 0.1, 0.0 if case == "b" else (0.25 + 0.5) / 0.25]
            got = dataset.vector(case)
            assert got is not None
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, meant, rtol=1e-6)
        assert dataset.without_vector == ()

    def test_rows_without_one(self, full: Store) -> None:
        assert full.dataset("ct+maps").vector("a") is None

    def test_permuted_within_the_fold(self, full: Store) -> None:
        own, permuted = full.dataset("ct+global"), full.dataset("ct+permuted", ["a", "b", "c"])
        giver = {tuple(own.vector(case)): case for case in CASES}  # type: ignore[arg-type]
        given = {case: giver[tuple(permuted.vector(case))] for case in CASES}  # type: ignore[arg-type]
        assert all(case != other for case, other in given.items())
        assert all(CASES.index(case) % 2 == CASES.index(other) % 2 for case, other in given.items())
        again = full.dataset("ct+permuted")  # whichever cases are asked for
        assert all((again.vector(case) == permuted.vector(case)).all() for case in CASES)  # type: ignore[union-attr]

    def test_missing_is_none_and_said(self, store: Store, caplog: pytest.LogCaptureFixture) -> None:
        failed = Entry("0" * 64, "failed", error={"step": "region", "message": "empty", "remedy": ""})
        for case in CASES[:4]:
            store.add(case, vector=failed if case in "ab" else None)
        with caplog.at_level(logging.WARNING):
            dataset = store.dataset("ct+global", ["b", "c"])
        assert dataset.vector("b") is None
        assert dataset.vector("c") is not None
        assert dataset.without_vector == ("b",)
        assert "without a vector in selected@stage1-fold0" in dataset.notices[0] == caplog.messages[0]

    def test_alone_in_its_fold_nobody_is_swapped(self, store: Store) -> None:
        store.add("a")
        with pytest.raises(BadInput, match="nobody to swap with"):
            store.dataset("ct+permuted")

    def test_no_vectors_at_all(self, full: Store) -> None:
        with pytest.raises(StoreError, match="no view 'nowhere'"):
            full.dataset(replace(RECIPE, view="nowhere", inputs=Inputs("ct+global")))

    def test_another_number(self, full: Store) -> None:
        strange = (*VECTOR, Channel("original_shape_Flatness", 0, 1))
        with pytest.raises(BadInput, match="no 'original_shape_Flatness'"):
            full.dataset(replace(RECIPE, vector=strange, inputs=Inputs("ct+global")))


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=1, max_size=60), st.integers(0, 99)
)
def test_derangement(members: list[tuple[int, int]], seed: int) -> None:
    groups = {f"case{at}": fold for at, (fold, _) in enumerate(members)}
    patients = {f"case{at}": f"{fold}.{patient}" for at, (fold, patient) in enumerate(members)}
    sizes = Counter(groups.values())
    if any(2 * count > sizes[int(patient[0])] for patient, count in Counter(patients.values()).items()):
        with pytest.raises(BadInput, match="nobody to swap with"):
            deranged(groups, patients, seed)
        return
    found = deranged(groups, patients, seed)
    assert found == deranged(dict(reversed(groups.items())), patients, seed)
    assert sorted(found) == sorted(found.values()) == sorted(groups)
    assert all(groups[case] == groups[other] for case, other in found.items())
    assert all(patients[case] != patients[other] for case, other in found.items())


def test_who_can_be_swapped() -> None:
    assert swappable(["p", "q"])
    assert swappable(["p", "p", "q", "q"])
    assert not swappable(["p", "p", "q"])  # p has nobody but itself to take from
    assert not swappable(["p"])
    assert not swappable([])


def test_who_is_left_out_is_said(store: Store) -> None:
    store.add("a")
    failed = Entry("0" * 64, "failed", error={"step": "sample", "message": "it is empty", "remedy": "mend"})
    log.commit(store.bucket, {"b": Change(None, CaseRecord({}, {f"training/{PLAN}": failed}))})
    dataset = store.dataset()
    assert dataset.identifiers == ["a"]
    assert dataset.notices == ("without a sample, left out: 1 case (b (it is empty))",)


class TestRefusals:
    """Each names the case, and what to do."""

    def refused(self, make: Callable[[], Any], match: str) -> None:
        with pytest.raises(BadInput, match=match) as told:
            make()
        assert told.value.remedy

    def test_another_spec(self, full: Store) -> None:
        other = replace(RECIPE, spec_hash=OTHER_SPEC)
        self.refused(lambda: full.dataset(other), "case a: training/stage2-fold0 was made with spec 1111")

    def test_another_plan(self, store: Store) -> None:
        """Planned anew, and killed before all samples were made: some are the earlier plan's."""
        for case, prepared in (("a", "new"), ("b", "old")):
            entry = store.publish(case, sample(case).to_block({"prepared": prepared}))
            store.add(case, **{f"training__{PLAN}": entry})
        planned = replace(RECIPE, samples="new")
        self.refused(lambda: store.dataset(planned), f"case b: training/{PLAN} was made by another plan")
        assert store.dataset(planned, ["a"]).identifiers == ["a"]

    def test_vector_of_another_spec(self, store: Store) -> None:
        store.add("a", vector=store.publish("a", store.vector("a"), OTHER_SPEC))
        assert store.dataset("ct+maps").identifiers == ["a"]
        self.refused(lambda: store.dataset("ct+global"), f"case a: features/{VIEW} comes from spec 2222")

    def test_missing_channel(self, full: Store) -> None:
        more = replace(RECIPE, maps=(*MAPS, Channel("gone", 0, 1)), inputs=Inputs("ct+maps"))
        self.refused(lambda: full.dataset(more), "case a: .* has no channel 'gone'")
        assert full.dataset(replace(more, inputs=Inputs("ct"))).identifiers == list(CASES)

    def test_missing_region(self, store: Store) -> None:
        store.add("a", replace(sample("a"), region=None))
        self.refused(lambda: store.dataset("ct+region"), "case a: .* has no channel 'region'")

    def test_no_labels(self, store: Store) -> None:
        store.add("a", replace(sample("a"), seg=None, locations=None))
        self.refused(store.dataset, "case a: .* has no labels")

    def test_unknown_case(self, full: Store) -> None:
        self.refused(lambda: full.dataset("ct", ["a", "bb"]), "no case 'bb' among the 6 of the view")
        self.refused(lambda: full.dataset("ct", ["a"]).load_case("b"), "no case 'b' among the 1")

    def test_failed_sample(self, store: Store) -> None:
        store.add("a")
        view = View.of(store.snapshot(), PLAN, RECIPE)
        failed = Entry(
            "0" * 64, "failed", error={"step": "sample", "message": "it is empty", "remedy": "mend"}
        )
        store.add("b", training__x=failed)
        record = CaseRecord({}, {f"training/{PLAN}": failed})
        version = log.commit(store.bucket, {"c": Change(None, record)}).version
        replace(view, version=version.number, cases=dict(view.cases) | {"c": view.cases["a"]}).save(
            store.folder
        )
        self.refused(lambda: StoreDataset(str(store.folder)), "case c has no training/.*: it is empty")

    def test_missing_sample(self, store: Store) -> None:
        store.add("a")
        view = View.of(store.snapshot(), PLAN, RECIPE)
        replace(view, cases=dict(view.cases) | {"b": view.cases["a"]}).save(store.folder)
        self.refused(lambda: StoreDataset(str(store.folder)), "no case 'b'")

    def test_damaged_sample(self, store: Store) -> None:
        store.add("a")
        data, *_ = store.dataset().load_case("a")
        file = Path(data._data.path)  # type: ignore[attr-defined]
        file.write_bytes(file.read_bytes()[:-8])
        with pytest.raises(CorruptBlock, match="index is damaged"):
            data[:]

    def test_cascades_and_writing(self, full: Store) -> None:
        full.dataset()
        self.refused(lambda: StoreDataset(str(full.folder), None, "elsewhere"), "a cascade from elsewhere")
        self.refused(lambda: StoreDataset.save_case(None, None, None, "case"), "for reading")


def test_later_versions_change_nothing(store: Store) -> None:
    store.add("a")
    dataset = store.dataset()
    store.add("b")
    assert StoreDataset.get_identifiers(str(store.folder)) == dataset.identifiers == ["a"]
    assert StoreDataset(str(store.folder)).identifiers == ["a"]

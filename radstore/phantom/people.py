"""Who is in the cohort: patients, their studies, and their rows of the clinical table."""

from __future__ import annotations

from dataclasses import dataclass

from radstore.phantom.draw import draw, stream
from radstore.phantom.template import Spread

FIRST_PATIENT = 100_000
# Studies come in blocks of six from five patients: the fifth one has two.
STUDIES, PATIENTS = 6, 5
SCANNERS = ("phantom-A", "phantom-B", "phantom-C")
AGE = Spread(66, 10, 35, 90)


@dataclass(frozen=True)
class Study:
    """One case: its running number in the cohort and whose it is.

    Parameters
    ----------
    index
        From 0.
    patient
        From 0.
    pdac
        Whether this patient's mass is a PDAC. Every 12 cases, 6 are.
    """

    index: int
    patient: int
    pdac: bool

    @property
    def patient_id(self) -> str:
        """As PANORAMA writes it: ``100000``."""
        return f"{FIRST_PATIENT + self.patient:06d}"

    @property
    def case_id(self) -> str:
        """As PANORAMA writes it: ``100000_00001``."""
        return f"{self.patient_id}_{self.index + 1:05d}"

    def row(self, seed: int) -> dict[str, str | int]:
        """What a clinical table would say of it; nothing but ``label`` depends on it."""
        person = stream(seed, self.patient, "person")
        scanner = stream(seed, self.index, "scanner").integers(len(SCANNERS))
        return {
            "label": int(self.pdac),
            "patient_age": round(draw(person, AGE)),
            "patient_sex": "FM"[int(person.integers(2))],
            "scanner": SCANNERS[int(scanner)],
        }


def study(index: int) -> Study:
    """The study with this running number; it is the same in a cohort of any size."""
    block, place = divmod(index, STUDIES)
    place = min(place, PATIENTS - 1)
    return Study(index, PATIENTS * block + place, (block + place) % 2 == 0)

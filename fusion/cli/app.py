"""The app: every verb, in the order ``fusion --help`` lists them."""

from __future__ import annotations

from collections.abc import Callable

from fusion.cli.attention import attention
from fusion.cli.challenge import serve_challenge
from fusion.cli.evaluate import evaluate
from fusion.cli.plan import plan
from fusion.cli.predict import predict
from fusion.cli.regions import regions
from fusion.cli.train import train
from radstore.cli.program import empty, speaking

HELP = """Cancer detection from CTs and radiomics: Stage 1, Stage 2 with cross-attention, from a radstore.

After `radstore split`, first for every fold K: plan --stage 1, train --stage 1. Then for each: regions,
`radstore build --region stage1-foldK`, plan --stage 2, train --stage 2. At last predict and evaluate.

Exit codes: 0 all done, 1 some cases failed, 2 bad input and nothing was changed, 130 stopped by Ctrl-C.
"""

app = empty("fusion", HELP)


@app.callback()
def _root() -> None:
    pass


VERBS: tuple[Callable[..., int], ...] = (
    plan,
    train,
    regions,
    predict,
    attention,
    evaluate,
    serve_challenge,
)

for verb in VERBS:
    app.command()(speaking("fusion", verb))

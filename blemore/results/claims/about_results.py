"""Claims of section 5: Tables 2 and 3, Figure 4, and what the text says of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from itertools import combinations

import pandas as pd

from blemore.challenge.clips import Clips
from blemore.errors import first
from blemore.paper import printed_numbers
from blemore.paper.comparison import Comparison, by_row, of_statement
from blemore.paper.vocabulary import METRICS, REPORTED, name_of
from blemore.results import training_noise
from blemore.results.claims.about_dataset import baselines
from blemore.results.training_noise import tolerances
from blemore.sources.released import Result


def table2(validation: Result) -> list[Comparison]:
    """Compare Table 2's means and spreads with the authors' runs, where those are public.

    The paper's spread is the sample standard deviation over the five folds (ddof = 1).
    """
    ours = validation.table.query("model == @REPORTED").set_index("id")
    rows = []
    for printed in _encoders(2).to_dict("records"):
        for metric in METRICS:
            for part in ("mean", "std"):
                column = f"{metric}_{part}"
                found = printed["id"] in ours.index
                value = float(ours[column].loc[printed["id"]]) if found else None
                rows.append(_cell(2, printed, column, value, validation.origin, "authors"))
    return rows


def table3(tests: Result) -> list[Comparison]:
    """Compare Table 3 with the authors' test summary, where it has the row: it is read and rounded, and nothing computed."""
    ours = tests.table.query("model == @REPORTED").set_index("id")
    rows = []
    for row in _encoders(3).to_dict("records"):
        for metric in METRICS:
            value = float(ours[metric].loc[row["id"]]) if row["id"] in ours.index else None
            cell = _cell(3, row, metric, value, tests.origin, "authors")
            rows.append(
                cell
                if value is None
                else replace(cell, detail="read from the authors' summary; nothing is computed here")
            )
    return rows


def trained(number: int, ours: pd.DataFrame, absent: Mapping[str, str] | None = None) -> list[Comparison]:
    """Compare Table 2 or 3 with trainings of our own, within :func:`blemore.results.training_noise.tolerances`.

    No claims of the ledger: simulated features agree by construction, and real ones were trained on here.

    Parameters
    ----------
    ours : DataFrame
        Scores by ``id`` and ``model``, with their ``origin``, and in ``unlike`` what is not as in the paper, see
        :attr:`blemore.experiments.protocols.CrossValidation.unlike`. Where that is anything, or is not known, there is no verdict.
    absent : mapping
        Why a row has no number.
    """
    mine = ours[ours["model"] == REPORTED].set_index("id")
    unlike = mine["unlike"].to_dict() if "unlike" in mine else {}
    columns = METRICS if number == 3 else [f"{metric}_{part}" for metric in METRICS for part in ("mean", "std")]
    allowed = tolerances()
    rows = []
    for printed in _encoders(number).to_dict("records"):
        id = str(printed["id"])
        for column in columns:
            scored = mine.index[mine[column].notna()]  # without a blend there is no salience
            value, origin = (mine.at[id, column], mine.at[id, "origin"]) if id in scored else (None, "paper")
            cell = _cell(number, printed, column, None if value is None else float(str(value)), str(origin))
            why = (absent or {}).get(id, "") if value is None else unlike.get(id, "settings unknown")
            rows.append(replace(cell, id=f"trained{number}.{id}.{column}", kind="stochastic", tolerance=allowed[column],
                                detail=why, comparable=not why))  # fmt: skip
    return rows


def confused() -> tuple[list[tuple[str, str]], int]:
    """Return the pairs of rows of Table 2 whose printed numbers agree within the tolerances, and the number of all pairs.

    One row of a pair takes the place of ours: these are what the tolerances let pass although another encoder was trained.
    """
    printed = _encoders(2).assign(model=REPORTED, origin="measured")
    pairs = list(combinations(printed["id"], 2))
    close = []
    for row, other in pairs:
        cells = by_row(trained(2, printed[printed["id"] == other].assign(id=row)))[row]
        if all(cell.agrees for cell in cells.values()):
            close.append((row, other))
    return close, len(pairs)


def tolerance_in_words() -> str:
    """Say what the tolerances rest on, how often they fail by chance, and which rows of Table 2 they do not tell apart."""
    seeds = training_noise.retrained().table
    close, pairs = confused()
    names = "; ".join(" and ".join(name_of(row) for row in pair) for pair in close) or "none"
    return (
        f"They rest on {seeds['seed'].nunique()} seeds of one training: eGeMAPS, {seeds.groupby('fold')['n'].first().sum():,} clips, MLP-512, learning "
        f"rate 5e-4; its chance is taken for that of other rows, scaled by the number of clips alone, and the features for identical. All four numbers of "
        f"a row must be as close, and by chance alone about 1 row in {1 / training_noise.fails():.0f} is not. Of {pairs} pairs of different rows of Table 2, "
        f"{len(close)} cannot be told apart: {names}."
    )


def trivial(number: int, clips: Clips) -> list[Comparison]:
    """Compare the last two rows of Table 2 or 3, the trivial baselines, with those of the clips' counts.

    No claims of the ledger: it has the same numbers in percent, see :func:`blemore.results.claims.about_dataset.baselines`.
    """
    scored = {row.id: row for row in baselines(clips)}
    part, suffix = ("train", "_mean") if number == 2 else ("test", "")
    rows = []
    for printed in printed_numbers.table(number).query("id.str.startswith('trivial')").to_dict("records"):
        for metric in METRICS:
            ours = scored[f"baseline.{str(printed['id']).removeprefix('trivial-')}.{part}.{metric}"]
            value = None if isinstance(ours.ours, str) else float(str(ours.ours)) / 100
            cell = _cell(number, printed, metric + suffix, value, ours.label, ours.evidence)
            rows.append(replace(cell, detail=ours.detail))
    return rows


def table3_fractions() -> list[Comparison]:
    """Check that each accuracy of Table 3 is a whole number of clips over 594, or of blends over 334."""
    rows = []
    for metric, n in zip(METRICS, (594, 334), strict=True):
        values = printed_numbers.table(3)[metric]
        whole = [
            abs(round(value * n) / n - value) <= printed_numbers.half_unit(printed_numbers.DECIMALS) for value in values
        ]
        what = f"every {metric.removeprefix('acc_')} accuracy is a whole number of {n} clips"
        rows.append(
            of_statement(
                f"table3.{metric}.fractions",
                "table 3",
                what,
                all(whole),
                "paper",
                f"{sum(whole)} of {len(whole)}",
            )
        )
    return rows


def figure4() -> list[Comparison]:
    """Compare Figure 4's diagonal with Table 3's presence accuracy of the same model."""
    matrix = printed_numbers.figure(4).to_numpy()
    printed = float(printed_numbers.table(3).set_index("id")["acc_presence"].loc["videomaev2+hubert"])
    return [
        Comparison(
            "figure4.diagonal",
            "figure 4",
            "its diagonal over all clips is the presence accuracy of VideoMAEv2 + HuBERT",
            printed,
            float(matrix.trace() / matrix.sum()),
            "paper",
            kind="rounding",
            tolerance=printed_numbers.half_unit(printed_numbers.DECIMALS),
            decimals=printed_numbers.DECIMALS,
            detail=f"{matrix.trace()} of {matrix.sum()} clips",
        )
    ]


def statements(validation: Result) -> list[Comparison]:
    """Check what sections 4.4 to 5.5 say in words, against the printed tables and the authors' runs."""
    valid, test = (_encoders(number).set_index("id") for number in (2, 3))
    valid = valid.rename(columns=lambda column: column.removesuffix("_mean"))
    both = {"2": valid, "3": test}
    composite = {key: table[list(METRICS)].mean(axis=1) for key, table in both.items()}
    fused = valid.index.str.contains(r"\+")
    single = ~fused & ~valid.index.str.endswith(":sub")
    video = [row for row in valid.index[single] if row not in ("hubert", "wavlm")]
    down = composite["3"] < composite["2"].loc[composite["3"].index]
    up = (test["acc_presence"] > valid["acc_presence"].loc[test.index]).sum()
    best_two = composite["2"].loc[video].nlargest(2).index
    return [
        _best("4.4.video_encoders", "4.4", "VideoMAEv2 and ImageBind are the two best video encoders",
              set(best_two) == {"videomaev2", "imagebind"}, "composite of Table 2"),
        _mlp512(validation),
        _best("5.1.imagebind", "5.1", "ImageBind has the best composite of single encoders",
              composite["2"][single].idxmax() == "imagebind", f"{composite['2']['imagebind']:.4f}"),
        _best("5.1.wavlm", "5.1", "WavLM is the better of the two audio encoders",
              composite["2"]["wavlm"] > composite["2"]["hubert"], _standing(valid.loc[["hubert", "wavlm"]], "wavlm")),
        _best("5.1.fusion", "5.1", "every fusion beats every single encoder, on both accuracies",
              bool((valid[fused][list(METRICS)].min() > valid[single][list(METRICS)].max()).all()),
              "lowest fusion against highest single encoder, Table 2"),
        _best("5.1.imagebind+wavlm", "5.1", "ImageBind + WavLM has the best composite",
              composite["2"].idxmax() == "imagebind+wavlm", f"{composite['2'].max():.4f}"),
        _best("5.2.wavlm", "5.2", "WavLM is the best single encoder on the test set",
              composite["3"].loc[valid.index[single]].idxmax() == "wavlm",
              f"{_ahead(test.loc[valid.index[single]], 'wavlm')}; {_standing(test.loc[valid.index[single]], 'wavlm')}"),
        _best("5.2.videomaev2", "5.2", "VideoMAEv2 has the highest presence of the video encoders",
              test["acc_presence"].loc[video].idxmax() == "videomaev2", f"{test['acc_presence']['videomaev2']:.3f}"),
        _best("5.2.best", "5.2", "VideoMAEv2 + HuBERT has the best test composite",
              composite["3"].idxmax() == "videomaev2+hubert",
              f"composite {composite['3']['videomaev2+hubert']:.4f}; {_standing(test, 'videomaev2+hubert')}"),
        _fusion_on_test(test),
        _aggregation(both),
        _best("5.5.drop", "5.5", "models do worse on the test set in general", bool(down.mean() > 0.5),
              f"the composite falls in {down.sum()} of {len(down)} rows; presence alone rises in {up}"),
        _best("5.5.ranking", "5.5", "validation and test do not always rank the models alike",
              composite["2"].rank().loc[test.index].tolist() != composite["3"].rank().tolist(),
              f"rank correlation: {_ranks(valid.assign(composite=composite['2']), test.assign(composite=composite['3']))}"),
    ]  # fmt: skip


def _ranks(valid: pd.DataFrame, test: pd.DataFrame) -> str:
    """Say how alike validation and test rank the rows, by accuracy and by composite."""
    names = {"composite": "composite", **{metric: metric.removeprefix("acc_") for metric in METRICS}}
    return ", ".join(
        f"{name} {valid.loc[test.index, column].corr(test[column], method='spearman'):.2f}"
        for column, name in names.items()
    )


def _ahead(test: pd.DataFrame, row: str) -> str:
    """Say how far a row's composite is ahead of the next of a table of test scores, beside what one clip more is worth."""
    composite = test[list(METRICS)].mean(axis=1)
    next_ = str(composite.drop(row).idxmax())
    gap, clip = composite[row] - composite[next_], 1 / int(printed_numbers.figure(4).to_numpy().sum()) / 2
    clips = (
        "less than one clip of presence is worth" if abs(gap) < clip else f"worth {gap / clip:.1f} clips of presence"
    )
    return f"composite {composite[row]:.4f}, {gap:+.4f} on {name_of(next_)}: {clips}"


def _standing(table: pd.DataFrame, row: str) -> str:
    """Say of each accuracy of a row which others of the table equal it, and which exceed it."""
    said = []
    for metric in METRICS:
        own, others = float(str(table.at[row, metric])), table[metric].drop(row)
        one = f"{metric.removeprefix('acc_')} {own:.3f}"
        for how, those in (("equal to", others == own), ("below", others > own)):
            if those.any():
                one += f", {how} {first([name_of(str(other)) for other in others[those].index])}"
        said.append(one if "," in one else f"{one}, highest of these")
    return "; ".join(said)


def _best(id: str, section: str, what: str, holds: bool, detail: str) -> Comparison:
    return of_statement(id, section, what, bool(holds), "paper", detail)


def _mlp512(validation: Result) -> Comparison:
    table = validation.table.assign(
        composite=(validation.table["acc_presence_mean"] + validation.table["acc_salience_mean"]) / 2
    )
    best = table.loc[table.groupby("id")["composite"].idxmax(), "model"]
    wins, all_ = int((best == REPORTED).sum()), len(best)
    what = "MLP-512 usually has the best validation composite of the three classifiers"
    return of_statement(
        "5.mlp512", "5", what, wins > all_ / 2, validation.origin, f"in {wins} of {all_} encoders and methods",
        evidence="authors",
    )  # fmt: skip


def _fusion_on_test(test: pd.DataFrame) -> Comparison:
    """Check "clear benefits": most fusions beat both their parts. The text does not say that all do."""
    composite = test[list(METRICS)].mean(axis=1)
    presence = test["acc_presence"]
    pairs = [row for row in test.index if "+" in row]
    beats = {name: [pair for pair in pairs if (scores[pair] > scores[pair.split("+")]).all()]
             for name, scores in (("presence", presence), ("composite", composite))}  # fmt: skip
    counts = ", ".join(f"{len(beats[name])} of {len(pairs)} in {name}" for name in beats)
    not_ = first([name_of(pair) for pair in pairs if pair not in beats["composite"]]) or "none"
    detail = f"above both its parts: {counts} (not {not_})"
    what = "fusions show clear benefits on the test set: most of them beat both their parts"
    return _best("5.2.fusion", "5.2", what, all(len(those) > len(pairs) / 2 for those in beats.values()), detail)


def _aggregation(tables: dict[str, pd.DataFrame]) -> Comparison:
    lower = [
        f"{printed_numbers.ENCODERS[row]} in Table {key}"
        for key, table in tables.items()
        for row in ("videomaev2", "videoswin")
        if table["acc_salience"].loc[row] <= table["acc_salience"].loc[f"{row}:sub"]
    ]
    presence = all(
        table["acc_presence"].loc[row] > table["acc_presence"].loc[f"{row}:sub"]
        for table in tables.values()
        for row in ("videomaev2", "videoswin")
    )
    what = "aggregated features consistently beat subsampled ones"
    detail = f"presence: {'always' if presence else 'not always'}; salience is lower for {', '.join(lower)}"
    return _best("5.5.aggregation", "5.5", what, presence and not lower, detail)


def _encoders(number: int) -> pd.DataFrame:
    table = printed_numbers.table(number)
    return table[~table["id"].str.startswith("trivial")]


def _cell(
    number: int, printed: Mapping[Hashable, object], column: str, value: float | None, origin: str, evidence: str = ""
) -> Comparison:
    method = ", subsampled" if str(printed["id"]).endswith(":sub") else ""
    absent = value is None
    return Comparison(
        f"table{number}.{printed['id']}.{column}",
        f"table {number}",
        f"{printed['encoder']}{method}: {column.removeprefix('acc_').replace('_', ' ')}",
        float(str(printed[column])),
        value,
        "paper" if absent else origin,
        kind="rounding",
        tolerance=printed_numbers.half_unit(printed_numbers.DECIMALS),
        decimals=printed_numbers.DECIMALS,
        evidence="" if absent else evidence,
        row=str(printed["id"]),
        column=column,
    )

"""The reference page of the names that rules may use, made from their table. Pure.

`docs/reference/rule-names.md` holds what `rule_names_page` returns; a test fails when it does not.
"""

from collections.abc import Iterable

from ampel_watch.rules.names import FUNCTIONS, RULE_NAMES, RuleName

_INTRODUCTION = """# Rule names

What `when:` of a watch is made of. A rule is one condition:

```yaml
when: mag < 19.5 and abs(gal_b_deg) > 10 and not star
```

- Comparisons `< <= > >= == !=`, which are not chained; `in` and `not in`, of a list or of a part of a text.
- `and`, `or`, `not`, and parentheses.
- Numbers with `+ - * / // %`, text in quotes, lists `["a", "b"]`, `true`, `false`, `null`.
- The names and the functions below. `ampel-watch check` finds a wrong name or type, with its place and a suggestion.

**Null** is a name without a value for this stock; when that is, the last column says. Every comparison with null is
false, `!=` too, and arithmetic with null is null; `mag_g == null` and `mag_g != null` ask for it. A condition that is
null counts as false.

**Unknown** is what has not been found out yet, because a service is down or slow. A rule is decided as soon as nothing
unknown can turn it; else the change waits, at most `enrich_deadline`, and then goes through marked as undecided
([Rules](../explanation/rules.md)).

Magnitudes are AB, of the difference image; uncertainties are 1 σ; dates are UTC.

*This page is generated from the table that checks the rules.*
"""
_SECTIONS = (
    ("The change and the stock", "live", "Of the record of the live service."),
    ("The light curve", "archive", "Measured of the points in the archive, at the date of the change."),
    ("Host and catalogs", "catalog", "Of the catalogs that are searched around the stock."),
)


def rule_names_page() -> str:
    """The reference page, Markdown."""
    parts = [_INTRODUCTION]
    for heading, source, text in _SECTIONS:
        names = [name for name in RULE_NAMES.values() if _section_of(name) == source]
        parts.append(f"## {heading}\n\n{text}\n\n{_table(names)}")
    functions = "\n".join(f"| `{name}` | {text} |" for name, text in FUNCTIONS.items())
    parts.append(f"## Functions\n\n| function | meaning |\n|---|---|\n{functions}\n")
    parts.append("Plugins can add names: [Write an enricher](../how-to/write-an-enricher.md).\n")
    return "\n".join(parts)


def _section_of(name: RuleName) -> str:
    """The first service of the sections without which there is no value at all."""
    return next(source for source in ("live", "catalog", "archive") if source in name.sources)


def _table(names: Iterable[RuleName]) -> str:
    lines = ["| name | type | unit | from | meaning | example | null when |", "|---|---|---|---|---|---|---|"]
    for name in names:
        kind = name.type.removeprefix("a ")
        row = (f"`{name.name}`", kind, name.unit, name.source, name.meaning, f"`{name.example}`", name.null_when)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') or '–' for cell in row)} |")
    return "\n".join(lines) + "\n"

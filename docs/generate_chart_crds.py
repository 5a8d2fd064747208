"""Write the chart's copies of the CRDs from crds/*.yaml; with --check only say whether they are up to date.

Run from anywhere: ``python docs/generate_chart_crds.py [--check]``. The copies are templates and not in Helm's directory
``crds``, because Helm never updates what stands there.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "crds"
COPIES = ROOT / "charts" / "opweave" / "templates" / "crds"
KEEP = """\
  {{- if .Values.crds.keep }}
  annotations: {helm.sh/resource-policy: keep}
  {{- end }}
"""
METADATA = "\nmetadata:\n"


def render(source: Path) -> str:
    """The template made of the CRD in *source*."""
    text = source.read_text(encoding="utf-8")
    if "{{" in text:
        raise SystemExit(
            f"{source} holds {{{{, which Helm would take for a template; write it otherwise"
        )
    head, found, rest = text.partition(METADATA)
    if not found or "annotations:" in rest.partition("\nspec:\n")[0]:
        raise SystemExit(f"{source} must have a metadata block without annotations")
    comment = f"{{{{- /* Written by docs/generate_chart_crds.py from crds/{source.name}; change that. */}}}}\n"
    return (
        f"{comment}{{{{- if .Values.crds.enabled }}}}\n{head}{METADATA}{KEEP}{rest}{{{{- end }}}}\n"
    )


def main() -> int:
    """Write the copies, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    is_check = parser.parse_args().check
    wanted = {source.name: render(source) for source in sorted(SOURCES.glob("*.yaml"))}
    if not is_check:
        COPIES.mkdir(parents=True, exist_ok=True)
        for copy in set(COPIES.glob("*.yaml")) - {COPIES / name for name in wanted}:
            copy.unlink()
        for name, text in wanted.items():
            (COPIES / name).write_text(text, encoding="utf-8")
        return 0
    found = {copy.name: copy.read_text(encoding="utf-8") for copy in COPIES.glob("*.yaml")}
    differing = sorted(n for n in wanted.keys() | found.keys() if wanted.get(n) != found.get(n))
    if differing:
        print(
            f"{COPIES}: {', '.join(differing)} out of date: run python docs/generate_chart_crds.py"
        )
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())

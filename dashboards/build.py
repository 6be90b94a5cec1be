"""Write the dashboards: ``python -m dashboards.build``; ``--check`` only says which are old."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dashboards.builder.board import boards_json
from dashboards.builder.boards import BOARDS

FOLDER = Path(__file__).parent


def main() -> int:
    """Returns 1 if a file had to be written and may not be."""
    check, old = "--check" in sys.argv[1:], []
    for name, board in boards_json(BOARDS).items():
        file, text = FOLDER / name, json.dumps(board, indent=1, ensure_ascii=False) + "\n"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            old.append(name)
            if not check:
                file.write_text(text, encoding="utf-8")
    if old:
        sys.stdout.write(f"{'old' if check else 'written'}: {', '.join(old)}\n")
    return 1 if old and check else 0


if __name__ == "__main__":
    sys.exit(main())

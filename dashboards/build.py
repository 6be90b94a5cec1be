"""Write the dashboards: ``python dashboards/build.py``; ``--check`` only says which are old."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

from builder.board import boards_json  # noqa: E402
from builder.boards import BOARDS  # noqa: E402


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

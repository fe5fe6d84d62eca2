#!/usr/bin/env python3
"""Makes the demo models of this folder: trains, exports, and writes down what Keras answers.

    models/make.py [--venv DIR]

Nobody needs to run this to use the project: its results are committed. It installs its packages (about 1.8 GB) into a
virtual environment outside the checkout and takes half a minute after that.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))


def run_inside_venv() -> None:
    """Starts this script again with the packages it needs, unless they are there already."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, default=CACHE / "modeldeployment" / "models-venv", help="default: %(default)s")
    venv = parser.parse_args().venv.resolve()
    if Path(sys.prefix).resolve() == venv:
        return
    python = venv / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
    subprocess.run([*pip, "--no-deps", "-r", str(HERE / "requirements-converter.txt")], check=True)
    os.execv(python, [str(python), str(HERE / "make.py"), *sys.argv[1:]])


if __name__ == "__main__":
    run_inside_venv()
    # TensorFlow reads these when it is imported, so the import must come after them.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    sys.path.insert(0, str(HERE))
    from make_models import make_all

    make_all(HERE)

"""Random damage to the environment .venv, the database and the files of a service."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

# What serving does without.
FOR_TESTS = ("pip", "pytest", "ruff", "pluggy", "iniconfig", "pygments", "uv")


FOR_PRODUCTION = ("gunicorn", "psycopg", "psycopg_binary", "python_json_logger")


def damage_a_package(root: Path, random: Random, names: tuple[str, ...] = ()) -> str:
    (packages,) = root.glob(".venv/lib/python*/site-packages")
    infos = sorted(packages.glob("*.dist-info"))
    infos = [info for info in infos if not names or info.name.split("-")[0] in names] or infos
    needed = [info for info in infos if info.name.split("-")[0] not in FOR_TESTS]
    info = random.choice(needed if random.random() < 0.9 else infos)
    inside = [line.split(",")[0] for line in (info / "RECORD").read_text().splitlines()]
    modules = [name for name in inside if name.endswith(".py") and ".." not in name]
    package = modules and modules[0].split("/")[0]
    module = packages / random.choice(modules or [f"{info.name}/METADATA"])
    what = random.choice(["info", "metadata", "record", "folder", "module", "truncated", "version"])
    match what:
        case "info":
            shutil.rmtree(info)
        case "metadata" | "record":
            (info / what.upper()).unlink()
        case "folder":
            whole = packages / (package or info.name)
            shutil.rmtree(whole) if whole.is_dir() else whole.unlink()
        case "module":
            module.unlink()
        case "truncated":
            text = module.read_bytes()
            module.unlink()  # the other service's file has the same contents: it is a link
            module.write_bytes(text[: len(text) // 2])
        case "version":
            info.rename(info.with_name(f"{info.name.split('-')[0]}-0.0.1.dist-info"))
    return f".venv: {what} of {info.name} {module.name if what in ('module', 'truncated') else ''}"


def damage_the_environment(root: Path, random: Random) -> str:
    venv = root / ".venv"
    what = random.choice(["no python", "dangling python", "no pyvenv.cfg", "no site-packages",
                          "a file", "a dangling link", "empty", "of another version",
                          "python not executable", "half made"])  # fmt: skip
    match what:
        case "no python" | "dangling python" | "python not executable":
            for python in venv.glob("bin/python*"):
                python.unlink()
            if what == "dangling python":
                (venv / "bin/python").symlink_to("/nowhere/python")
            elif what == "python not executable":
                (venv / "bin/python").write_text("#!/bin/sh\n")
        case "no pyvenv.cfg":
            (venv / "pyvenv.cfg").unlink()
        case "no site-packages":
            for packages in venv.glob("lib/python*/site-packages"):
                shutil.rmtree(packages)
        case "of another version":
            for packages in venv.glob("lib/python*"):
                packages.rename(packages.with_name("python3.7"))
        case "half made":
            (venv / "bootstrap.json").unlink()
            shutil.rmtree(venv / "lib")
        case _:
            shutil.rmtree(venv)
            if what == "a file":
                venv.touch()
            elif what == "empty":
                venv.mkdir()
            else:
                venv.symlink_to("/nowhere/venv")
    return f".venv: {what}"


def damage_the_database(root: Path, random: Random) -> str:
    path = root / "instance/development.db"
    what = random.choice(["deleted", "empty", "garbage", "a folder", "truncated", "unknown revision",
                          "no revision", "a table gone", "no version table", "instance a file",
                          "a column gone", "older"])  # fmt: skip
    statements = {
        "unknown revision": "UPDATE alembic_version SET version_num = 'next' WHERE version_num = '0001'",
        "no revision": "DELETE FROM alembic_version",
        "a table gone": "DROP TABLE message",
        "no version table": "DROP TABLE alembic_version",
        "a column gone": "ALTER TABLE message DROP COLUMN reply",
        "older": "DELETE FROM alembic_version WHERE version_num = '0001'",
    }
    if what in statements:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statements[what])
        return f"database: {statements[what]}"
    with closing(sqlite3.connect(path)) as connection:  # so that all is in the one file
        connection.execute("PRAGMA journal_mode = DELETE")
    whole = path.read_bytes()
    path.unlink()
    if what == "a folder":
        path.mkdir()
    elif what == "instance a file":
        shutil.rmtree(path.parent)
        path.parent.touch()
    elif what != "deleted":
        contents = {"empty": b"", "garbage": b"This is no database. " * 100}
        path.write_bytes(contents.get(what, whole[: len(whole) // 2]))
    return f"database: {what}"


def lose_a_file(paths: list[Path], random: Random) -> str:
    path = random.choice(paths)
    if random.random() < 0.5:
        path.unlink()
    else:
        path.write_text("")
    return str(path.name)

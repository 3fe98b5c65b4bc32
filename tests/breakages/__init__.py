"""Random small breakages of a service, by kind. Each may or may not do harm, unless it says so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from judging import Change
from services import BakedProject

from breakages import damages, source, tables, texts, variables

# An owner edits these ...
OWNERS = ("config", "backend/__init__.py", "backend/models.py", "backend/routes", "backend/jobs",
          "migrations")  # fmt: skip
# ... and somebody in a hurry this too.
CORE = ("backend/core",)
PRODUCTIONS = ("config/production.py", "wsgi.py", "gunicorn.conf.py")
SOURCE_CHANGES = (source.delete_a_statement, source.misspell_a_name, source.drop_a_character,
                  source.raise_at_import, source.import_what_is_not_installed)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """The copy to break, and the variables of a production with a database, if there is one."""

    project: BakedProject
    random: Random
    production: dict[str, str]

    def file(self, name: str) -> Path:
        return self.project.path / name

    def sources(self) -> list[Path]:
        places = CORE if self.random.random() < 0.2 else OWNERS
        return list(python_files(self.project.path, places))


Kind = Callable[[Subject], Change]


def python_files(root: Path, places: tuple[str, ...]) -> Iterator[Path]:
    for place in places:
        path = root / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def changed(change: source.Change, paths: list[Path], random: Random) -> Change:
    """Change one of the files so that it means something else."""
    while True:
        path = random.choice(paths)
        text = source.redrawn(change, path.read_text("utf-8"), random)
        if text is not None:
            path.write_text(text, "utf-8")
            return Change()


def in_source(change: source.Change) -> Kind:
    return lambda subject: changed(change, subject.sources(), subject.random)


def in_files(change: source.Change, *names: str) -> Kind:
    return lambda subject: changed(change, [*map(subject.file, names)], subject.random)


def appended(file: str, lines: tuple[str, ...], harm: str | None = None) -> Kind:
    def kind(subject: Subject) -> Change:
        with subject.file(file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n{subject.random.choice(lines)}\n")
        return Change(harm=harm)

    return kind


def edited(edits: tuple[tuple[str, str, str], ...]) -> Kind:
    def kind(subject: Subject) -> Change:
        file, old, new = subject.random.choice(edits)
        text = subject.file(file).read_text("utf-8")
        assert old in text, (file, old)
        subject.file(file).write_text(text.replace(old, new), "utf-8")
        return Change()

    return kind


def either(*kinds: Kind) -> Kind:
    return lambda subject: subject.random.choice(kinds)(subject)


def damaged(damage: Callable[[Path, Random], str]) -> Kind:
    return lambda subject: Change(note=damage(subject.project.path, subject.random))


def a_file_lost(subject: Subject) -> Change:
    return Change(note=damages.lose_a_file(subject.sources(), subject.random))


def a_variable_changed(subject: Subject) -> Change:
    changes = subject.random.choice(variables.DEVELOPMENT)
    if subject.production and subject.random.random() < 0.6:
        change = subject.random.choice(variables.PRODUCTION)
        changes = variables.changed(subject.production, change)
    return Change(changes, f"environment: {changes}")


def in_production(kind: Kind) -> Kind:
    """Where there is no database for one, this is a development that production's files are in."""
    return lambda subject: replace(kind(subject), environment=subject.production)


def damage_a_server(root: Path, random: Random) -> str:
    return damages.damage_a_package(root, random, damages.FOR_PRODUCTION)


def a_requirement_changed(subject: Subject) -> Change:
    """Change one, and let an installer say whether what is installed is still what is required."""
    path = subject.file("requirements.txt")
    path.write_text(texts.change_a_requirement(path.read_text("utf-8"), subject.random))
    return Change(harm=texts.installer_says(subject.project))


KINDS: dict[str, Kind] = {
    "a statement deleted": in_source(source.delete_a_statement),
    "a name misspelt": in_source(source.misspell_a_name),
    "a character dropped": in_source(source.drop_a_character),
    "a foreign import": in_source(source.import_what_is_not_installed),
    "raises at import": in_source(source.raise_at_import),
    "a function made async": in_source(source.make_a_function_async),
    "a route changed": either(
        appended("backend/routes/chat.py", tables.ROUTES),
        appended("backend/routes/__init__.py", tables.REGISTRATIONS),
        edited(tables.ROUTE_EDITS),
    ),
    "a package damaged": damaged(damages.damage_a_package),
    "the environment damaged": damaged(damages.damage_the_environment),
    "a requirement changed": a_requirement_changed,
    "a setting changed": either(
        *[in_files(texts.change_a_setting, "config/default.py", "config/development.py")] * 2,
        appended("config/development.py", tables.SETTINGS),
        appended("config/development.py", tables.MISSPELT, "it is not read"),
    ),
    "a migration changed": edited(tables.MIGRATION_EDITS),
    "a model changed": either(
        appended("backend/models.py", tables.MODELS), edited(tables.MODEL_EDITS)
    ),
    "a job changed": appended("backend/jobs/__init__.py", tables.JOBS, "it cannot be run"),
    "a file lost": a_file_lost,
    "a variable changed": a_variable_changed,
    "production changed": in_production(
        either(
            *(in_files(change, *PRODUCTIONS) for change in SOURCE_CHANGES),
            edited(tables.PRODUCTION_EDITS),
            damaged(damage_a_server),
        )
    ),
    "the database damaged": damaged(damages.damage_the_database),
}
# In these .venv is a copy of the service's own.
OWN_ENVIRONMENT = ("a package damaged", "the environment damaged", "production changed")


def break_one(
    base: BakedProject, folder: Path, production: dict[str, str], kind: str, seed: str
) -> tuple[BakedProject, Change]:
    """Return a copy of the service in the folder that is broken in this way, and what was done."""
    project = base.copy(folder, own_environment=kind in OWN_ENVIRONMENT)
    return project, KINDS[kind](Subject(project, Random(seed), production))

"""What the tests of backend/core/ need beside the fixtures of the service that they run in."""

import pytest
from backend.core.database import Base, db
from flask import Blueprint, Flask, request
from sqlalchemy import Text, select
from sqlalchemy.orm import Mapped, mapped_column


class Note(Base):
    """A table that no service has."""

    __tablename__ = "note_of_these_tests"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)


notes = Blueprint("notes_of_these_tests", __name__, url_prefix="/api")


@notes.post("/notes")
def add_note() -> dict[str, int]:
    note = Note(text=request.get_json()["text"])
    db.session.add(note)
    db.session.commit()
    return {"id": note.id}


def texts() -> list[str]:
    return list(db.session.scalars(select(Note.text)))


@pytest.fixture
def migrated_app(migrated_app: Flask) -> Flask:
    """It has the table too, for which there is no migration."""
    with migrated_app.app_context():
        Base.metadata.tables[Note.__tablename__].create(db.engine)
    return migrated_app


@pytest.fixture(autouse=True)
def _with_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every application that the tests create has the route."""
    from backend import routes

    monkeypatch.setattr(routes, "init_app", lambda app: app.register_blueprint(notes))

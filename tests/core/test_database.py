from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from backend.core.database import Base, db
from flask import Flask
from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)


def test_constraints_that_begin_with_the_same_column_have_names_of_their_own(
    empty_app: Flask,
) -> None:
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)
    many = Table(
        "many",
        metadata,
        Column("a", Integer, primary_key=True),
        Column("b", Integer, unique=True),
        Column("c", Integer, index=True),
        UniqueConstraint("a", "b"),
        UniqueConstraint("b", "c"),
        Index(None, "c", "b"),
        ForeignKeyConstraint(["b", "a"], ["many.a", "many.b"]),
        ForeignKeyConstraint(["b", "c"], ["many.a", "many.b"]),
    )
    assert {str(each.name) for each in many.constraints | many.indexes} == {
        "pk_many",
        "uq_many_b",
        "uq_many_a_b",
        "uq_many_b_c",
        "ix_many_c",
        "ix_many_c_b",
        "fk_many_b_a_many",
        "fk_many_b_c_many",
    }
    with empty_app.app_context(), db.engine.connect() as connection:
        metadata.create_all(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []

"""Tables of many shapes: migrated by the service's own commands, they are no drift."""

from legitimate.edits import Edits

FILE = "backend/models.py"
# Above all others, for each alone has to find its names.
NAMES = """
import enum, uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
import sqlalchemy as sa
from sqlalchemy import Text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, column_property, mapped_column, relationship
from backend.core.database import Base, UtcDateTime, now
"""
ID = "    id: Mapped[int] = mapped_column(primary_key=True)\n"
SHAPES = {
    "columns": "class Wide(Base):\n    __tablename__ = 'wide'\n" + ID
    + "    flag: Mapped[bool]\n    day: Mapped[date]\n    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))\n"
    "    raw: Mapped[bytes]\n    ratio: Mapped[float]\n    length: Mapped[timedelta]\n    key: Mapped[uuid.UUID]\n"
    "    short: Mapped[str] = mapped_column(sa.String(50))\n    data: Mapped[dict] = mapped_column(sa.JSON)\n"
    "    big: Mapped[int] = mapped_column(sa.BigInteger)\n    none: Mapped[str | None]\n    at: Mapped[datetime] ="
    " mapped_column(UtcDateTime, default=now)",
    "an enumeration": "class Colour(enum.Enum):\n    RED = 1\n    BLUE = 2\n\n\nclass Painted(Base):\n    __tablename__ = 'painted'\n"
    + ID + "    colour: Mapped[Colour]\n    word: Mapped[str] = mapped_column(sa.Enum('x', 'y', name='word'))",
    "defaults": "class Preset(Base):\n    __tablename__ = 'preset'\n" + ID
    + "    n: Mapped[int] = mapped_column(server_default='0')\n    t: Mapped[str] = mapped_column(server_default='x')\n"
    "    at: Mapped[datetime] = mapped_column(server_default=sa.func.now())\n    f: Mapped[bool] ="
    " mapped_column(server_default=sa.false())",
    "constraints": "class Strict(Base):\n    __tablename__ = 'strict'\n    __table_args__ = (sa.UniqueConstraint('a', 'b'),"
    " sa.CheckConstraint('a > 0', name='positive'), sa.Index('ix_both', 'a', 'b'))\n" + ID
    + "    a: Mapped[int] = mapped_column(unique=True)\n    b: Mapped[int] = mapped_column(index=True)",
    "two keys": "class Paired(Base):\n    __tablename__ = 'paired'\n    a: Mapped[int] = mapped_column(primary_key=True)\n"
    "    b: Mapped[str] = mapped_column(primary_key=True)",
    "relations": "class Owner(Base):\n    __tablename__ = 'owner'\n" + ID
    + "    things: Mapped[list['Thing']] = relationship(back_populates='owner')\n\n\nclass Thing(Base):\n    __tablename__ = 'thing'\n"
    + ID + "    owner_id: Mapped[int] = mapped_column(sa.ForeignKey('owner.id', ondelete='CASCADE'), index=True)\n"
    "    owner: Mapped[Owner] = relationship(back_populates='things')",
    "a tree": "class Node(Base):\n    __tablename__ = 'node'\n" + ID
    + "    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey('node.id'))\n"
    "    children: Mapped[list['Node']] = relationship()",
    "many to many": "tagged = sa.Table('tagged', Base.metadata, sa.Column('tag_id', sa.ForeignKey('tag.id'), primary_key=True),\n"
    "                  sa.Column('message_id', sa.ForeignKey('message.id'), primary_key=True))\n\n\n"
    "class Tag(Base):\n    __tablename__ = 'tag'\n" + ID + "    messages: Mapped[list['Message']] = relationship(secondary=tagged)",
    "inheritance": "class Animal(Base):\n    __tablename__ = 'animal'\n" + ID
    + "    kind: Mapped[str]\n    __mapper_args__ = {'polymorphic_on': 'kind', 'polymorphic_identity': 'animal'}\n\n\n"
    "class Dog(Animal):\n    bark: Mapped[str | None]\n    __mapper_args__ = {'polymorphic_identity': 'dog'}\n\n\n"
    "class Cat(Animal):\n    __tablename__ = 'cat'\n    id: Mapped[int] = mapped_column(sa.ForeignKey('animal.id'), primary_key=True)\n"
    "    __mapper_args__ = {'polymorphic_identity': 'cat'}",
    "a mixin": "class Dated:\n    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)\n\n\n"
    "class Letter(Dated, Base):\n    __tablename__ = 'letter'\n" + ID,
    "an abstract base": "class Named(Base):\n    __abstract__ = True\n    name: Mapped[str]\n\n\n"
    "class City(Named):\n    __tablename__ = 'city'\n" + ID,
    "computed": "class Sum(Base):\n    __tablename__ = 'sum'\n" + ID
    + "    a: Mapped[int]\n    twice: Mapped[int] = column_property(sa.literal_column('a * 2', sa.Integer))\n\n"
    "    @hybrid_property\n    def half(self):\n        return self.a / 2",
    "a dataclass": "class Boxed(MappedAsDataclass, Base):\n    __tablename__ = 'boxed'\n"
    "    id: Mapped[int] = mapped_column(primary_key=True, init=False)\n    width: Mapped[int] = mapped_column(default=1)",
    "an index of a part": "class Mail(Base):\n    __tablename__ = 'mail'\n    __table_args__ = (sa.Index('ix_mail_open', 'to',"
    " sqlite_where=sa.text('sent IS NULL')), sa.Index('ix_mail_lower', sa.text('lower(\"to\")')))\n" + ID
    + "    to: Mapped[str]\n    sent: Mapped[str | None]",
    "a name of SQL's": "class Order(Base):\n    __tablename__ = 'order'\n" + ID + "    group: Mapped[str] = mapped_column('select')",
    "an event": "from sqlalchemy import event\n\n\n@event.listens_for(Message, 'before_insert')\ndef before(mapper, connection, one):\n    pass",
    "a method": "def _words(self):\n    return self.text.split()\n\n\nMessage.words = property(_words)",
}  # fmt: skip
MODELS: Edits = {f"models: {name}": [(FILE, f"{NAMES}\n\n{text}")] for name, text in SHAPES.items()}
# What no model knows.
HAND_MADE: dict[str, tuple[str, ...]] = {
    "by hand: a full-text search": ("CREATE VIRTUAL TABLE found USING fts5(text)",),
    "by hand: an index": ("CREATE INDEX own_index ON message (reply)",),
    "by hand: a table": ("CREATE TABLE scratch (n INTEGER)",),
    "by hand: a view": ("CREATE VIEW latest AS SELECT * FROM message",),
    "by hand: a trigger": (
        "CREATE TRIGGER own_trigger AFTER INSERT ON message BEGIN SELECT 1; END",
    ),
    "by hand: a column": ("ALTER TABLE message ADD COLUMN extra TEXT",),
}

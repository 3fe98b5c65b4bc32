"""The tables. After a change here: `python run.py db revision "what changed"`."""

from datetime import datetime  # sample

from sqlalchemy import Text  # sample
from sqlalchemy.orm import Mapped, mapped_column  # sample

from backend.core.database import Base, BigKey, UtcDateTime, now  # sample


class Message(Base):  # sample
    """A chat message and what was answered."""  # sample

    __tablename__ = "message"  # sample

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)  # sample
    text: Mapped[str] = mapped_column(Text)  # sample
    reply: Mapped[str] = mapped_column(Text)  # sample
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)  # sample

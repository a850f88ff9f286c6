from sqlalchemy import create_engine, Column, String, DateTime, Text, Float
from sqlalchemy.ext.declarative import declarative_base
from sqlalchemy.orm import sessionmaker
from datetime import datetime

Base = declarative_base()

class WebhookEvent(Base):
    __tablename__ = 'webhook_events'

    id = Column(String, primary_key=True)
    task_id = Column(String, nullable=False, index=True)
    event_type = Column(String, nullable=False)
    step = Column(String, nullable=True)
    status = Column(String, nullable=False)
    progress_percent = Column(Float, nullable=True)
    timestamp = Column(DateTime, nullable=False)
    data = Column(Text, nullable=True)  # JSON data
    error_message = Column(Text, nullable=True)

def store_webhook_event(payload):
    """Store webhook event in database."""
    event = WebhookEvent(
        id=f"{payload['data']['task_id']}_{int(time.time())}",
        task_id=payload['data']['task_id'],
        event_type=payload['event_type'],
        step=payload['data'].get('step'),
        status=payload['data']['status'],
        progress_percent=payload['data'].get('progress_percent'),
        timestamp=datetime.fromisoformat(payload['timestamp'].replace('Z', '+00:00')),
        data=json.dumps(payload['data'].get('data')),
        error_message=payload['data'].get('error_message')
    )

    session.add(event)
    session.commit()

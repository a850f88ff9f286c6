# webhook_validator.py
import json
import jsonschema
from typing import Dict, Any, List

# JSON Schema for webhook validation
WEBHOOK_SCHEMA = {
    "type": "object",
    "required": ["event_type", "timestamp", "data"],
    "properties": {
        "event_type": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": {
            "type": "object",
            "required": ["task_id", "status"],
            "properties": {
                "task_id": {"type": "string"},
                "status": {"type": "string"},
                "step": {"type": "string"},
                "progress_percent": {"type": "number", "minimum": 0, "maximum": 100},
                "message": {"type": "string"},
                "error_message": {"type": "string"},
                "data": {"type": "object"},
                "result": {"type": "object"},
                "metadata": {"type": "object"}
            }
        }
    }
}

def validate_webhook(payload: Dict[str, Any]) -> List[str]:
    """Validate webhook payload against schema."""
    errors = []

    try:
        jsonschema.validate(payload, WEBHOOK_SCHEMA)
    except jsonschema.ValidationError as e:
        errors.append(f"Schema validation error: {e.message}")

    # Additional business logic validation
    data = payload.get('data', {})

    # Validate progress percentage for step webhooks
    if 'step' in data and 'progress_percent' in data:
        progress = data['progress_percent']
        if not 0 <= progress <= 100:
            errors.append(f"Invalid progress percentage: {progress}")

    # Validate event type consistency
    event_type = payload.get('event_type')
    status = data.get('status')

    if event_type == 'task_completed' and status != 'completed':
        errors.append(f"Event type '{event_type}' inconsistent with status '{status}'")

    return errors

# Usage example
def test_webhook_payload():
    test_payload = {
        "event_type": "task_completed",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": {
            "task_id": "test-123",
            "status": "completed",
            "result": {"chunks_created": 25}
        }
    }

    errors = validate_webhook(test_payload)
    if errors:
        print("Validation errors:", errors)
    else:
        print("Webhook payload is valid")

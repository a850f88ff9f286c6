import logging
from datetime import datetime
from typing import Dict, Any

logger = logging.getLogger(__name__)

class WebhookProcessor:
    def __init__(self):
        self.failed_webhooks = []
        self.processing_stats = {
            'total_received': 0,
            'successful': 0,
            'failed': 0,
            'last_error': None
        }

    def process_webhook(self, payload: Dict[str, Any]) -> bool:
        """Process webhook with comprehensive error handling."""
        self.processing_stats['total_received'] += 1

        try:
            # Validate payload structure
            self._validate_payload(payload)

            # Process based on event type
            event_type = payload.get('event_type')
            data = payload.get('data', {})

            if event_type == 'task_started':
                self._handle_task_started(data)
            elif event_type == 'task_completed':
                self._handle_task_completed(data)
            elif event_type == 'task_failed':
                self._handle_task_failed(data)
            elif 'step' in data:
                self._handle_step_update(data)
            else:
                raise ValueError(f"Unknown event type: {event_type}")

            self.processing_stats['successful'] += 1
            logger.info(f"Successfully processed webhook: {event_type}")
            return True

        except Exception as e:
            self.processing_stats['failed'] += 1
            self.processing_stats['last_error'] = str(e)

            # Store failed webhook for retry
            self.failed_webhooks.append({
                'payload': payload,
                'error': str(e),
                'timestamp': datetime.now().isoformat(),
                'retry_count': 0
            })

            logger.error(f"Webhook processing failed: {e}", exc_info=True)
            return False

    def _validate_payload(self, payload: Dict[str, Any]):
        """Validate webhook payload structure."""
        required_fields = ['event_type', 'timestamp', 'data']
        for field in required_fields:
            if field not in payload:
                raise ValueError(f"Missing required field: {field}")

        # Validate timestamp format
        try:
            datetime.fromisoformat(payload['timestamp'].replace('Z', '+00:00'))
        except ValueError:
            raise ValueError("Invalid timestamp format")

    def retry_failed_webhooks(self, max_retries: int = 3):
        """Retry processing failed webhooks."""
        for failed_webhook in self.failed_webhooks[:]:
            if failed_webhook['retry_count'] < max_retries:
                failed_webhook['retry_count'] += 1
                if self.process_webhook(failed_webhook['payload']):
                    self.failed_webhooks.remove(failed_webhook)

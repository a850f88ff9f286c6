from flask import Flask, request, jsonify
import logging

app = Flask(__name__)
logger = logging.getLogger(__name__)

@app.route('/webhook', methods=['POST'])
def handle_webhook():
    payload = request.json
    event_type = payload.get('event_type')
    data = payload.get('data', {})

    try:
        if event_type == 'task_started':
            handle_task_started(data)
        elif event_type == 'task_completed':
            handle_task_completed(data)
        elif event_type == 'task_failed':
            handle_task_failed(data)
        elif 'step' in data:
            handle_step_update(data)

        return jsonify({'status': 'received'})

    except Exception as e:
        logger.error(f"Webhook processing error: {e}")
        return jsonify({'status': 'error', 'message': str(e)}), 500

def handle_task_started(data):
    task_id = data['task_id']
    logger.info(f"Task {task_id} started")
    # Update database, send notifications, etc.

def handle_task_completed(data):
    task_id = data['task_id']
    result = data.get('result', {})
    logger.info(f"Task {task_id} completed: {result.get('chunks_created', 0)} chunks")
    # Process final results, update UI, etc.

def handle_task_failed(data):
    task_id = data['task_id']
    error = data.get('error', 'Unknown error')
    logger.error(f"Task {task_id} failed: {error}")
    # Handle failure, notify users, etc.

def handle_step_update(data):
    task_id = data['task_id']
    step = data['step']
    status = data['status']
    progress = data['progress_percent']

    logger.info(f"Task {task_id} - {step} {status} ({progress}%)")

    if status == 'completed' and 'data' in data:
        step_data = data['data']
        # Process step-specific data
        if step == 'markdown_conversion':
            handle_markdown_conversion(step_data)
        elif step == 'ingestion':
            handle_ingestion_complete(step_data)

def handle_markdown_conversion(data):
    markdown_url = data.get('markdown_file_url')
    metadata = data.get('conversion_metadata', {})
    logger.info(f"Markdown conversion complete: {metadata.get('page_count', 0)} pages")

def handle_ingestion_complete(data):
    chunks = data.get('chunks_ingested', 0)
    facts = data.get('facts_stored', 0)
    logger.info(f"Ingestion complete: {chunks} chunks, {facts} facts")

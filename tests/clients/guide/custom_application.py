from flask import Flask, request

app = Flask(__name__)

@app.route('/webhook', methods=['POST'])
def handle_webhook():
    data = request.json
    event_type = data.get('event_type')
    task_data = data.get('data', {})
    
    if event_type == 'task_completed':
        # Handle successful completion
        process_completed_task(task_data)
    elif event_type == 'task_failed':
        # Handle failure
        handle_task_failure(task_data)
    
    return {'status': 'received'}

# test_webhook_server.py
from flask import Flask, request, jsonify
import json
from datetime import datetime

app = Flask(__name__)
received_webhooks = []

@app.route('/webhook', methods=['POST'])
def test_webhook():
    payload = request.json
    received_webhooks.append({
        'payload': payload,
        'received_at': datetime.now().isoformat(),
        'headers': dict(request.headers)
    })

    print(f"Received webhook: {payload.get('event_type')} for task {payload.get('data', {}).get('task_id')}")
    return jsonify({'status': 'received'})

@app.route('/webhooks', methods=['GET'])
def list_webhooks():
    return jsonify(received_webhooks)

@app.route('/webhooks/clear', methods=['POST'])
def clear_webhooks():
    received_webhooks.clear()
    return jsonify({'status': 'cleared'})

if __name__ == '__main__':
    app.run(host='0.0.0.0', port=8001, debug=True)

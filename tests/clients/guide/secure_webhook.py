import hmac
import hashlib
from flask import request, abort

def validate_webhook_signature(payload, signature, secret):
    """Validate webhook signature for security."""
    expected_signature = hmac.new(
        secret.encode('utf-8'),
        payload,
        hashlib.sha256
    ).hexdigest()

    return hmac.compare_digest(f"sha256={expected_signature}", signature)

@app.route('/webhook', methods=['POST'])
def secure_webhook():
    # Validate signature if provided
    signature = request.headers.get('X-MoRAG-Signature')
    if signature and WEBHOOK_SECRET:
        if not validate_webhook_signature(request.data, signature, WEBHOOK_SECRET):
            abort(401)

    # Process webhook...
    return jsonify({'status': 'received'})

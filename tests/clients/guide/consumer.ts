interface WebhookPayload {
  event_type: string;
  timestamp: string;
  data: any;
}

// Express.js webhook handler
app.post('/webhook', (req: Request, res: Response) => {
  const payload: WebhookPayload = req.body;

  switch (payload.event_type) {
    case 'task_started':
      handleTaskStarted(payload.data);
      break;
    case 'task_completed':
      handleTaskCompleted(payload.data);
      break;
    case 'task_failed':
      handleTaskFailed(payload.data);
      break;
    default:
      // Handle step webhooks
      if (payload.data.step) {
        handleStepUpdate(payload.data);
      }
  }

  res.json({ status: 'received' });
});

function handleTaskStarted(data: any) {
  console.log(`Task ${data.task_id} started`);
  // Update UI, database, etc.
}

function handleTaskCompleted(data: any) {
  console.log(`Task ${data.task_id} completed with ${data.result.chunks_created} chunks`);
  // Process final results
}

function handleStepUpdate(data: any) {
  console.log(`Step ${data.step} ${data.status} - ${data.progress_percent}%`);
  // Update progress bar, log progress, etc.
}

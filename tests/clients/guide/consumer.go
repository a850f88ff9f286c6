package main

import (
    "encoding/json"
    "fmt"
    "log"
    "net/http"
    "time"
)

type WebhookPayload struct {
    EventType string                 `json:"event_type"`
    Timestamp string                 `json:"timestamp"`
    Data      map[string]interface{} `json:"data"`
}

func webhookHandler(w http.ResponseWriter, r *http.Request) {
    var payload WebhookPayload
    if err := json.NewDecoder(r.Body).Decode(&payload); err != nil {
        http.Error(w, "Invalid JSON", http.StatusBadRequest)
        return
    }

    switch payload.EventType {
    case "task_started":
        handleTaskStarted(payload.Data)
    case "task_completed":
        handleTaskCompleted(payload.Data)
    case "task_failed":
        handleTaskFailed(payload.Data)
    default:
        if step, exists := payload.Data["step"]; exists {
            handleStepUpdate(payload.Data, step.(string))
        }
    }

    w.Header().Set("Content-Type", "application/json")
    json.NewEncoder(w).Encode(map[string]string{"status": "received"})
}

func handleTaskStarted(data map[string]interface{}) {
    taskID := data["task_id"].(string)
    log.Printf("Task %s started", taskID)
}

func handleTaskCompleted(data map[string]interface{}) {
    taskID := data["task_id"].(string)
    result := data["result"].(map[string]interface{})
    chunks := result["chunks_created"].(float64)
    log.Printf("Task %s completed with %.0f chunks", taskID, chunks)
}

func handleStepUpdate(data map[string]interface{}, step string) {
    taskID := data["task_id"].(string)
    status := data["status"].(string)
    progress := data["progress_percent"].(float64)

    log.Printf("Task %s - %s %s (%.1f%%)", taskID, step, status, progress)
}

func main() {
    http.HandleFunc("/webhook", webhookHandler)
    log.Println("Webhook server starting on :8080")
    log.Fatal(http.ListenAndServe(":8080", nil))
}

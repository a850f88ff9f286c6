// A webhook receiver that verifies, deduplicates and answers fast (Go, standard library only).
//
//	WEBHOOK_SECRET=change-me go run .      # listens on 127.0.0.1:8001
//
// POST /webhook takes deliveries, GET /events shows what was worked on.
//
// Source only: the repository's tests have no Go toolchain, so unlike its siblings this one is not run by them.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// A delivery has a few KiB; nobody sends us more than this.
	bodyBytesMax = 1 << 20
	// Deliveries remembered for deduplication: far more than can be retried at once.
	deliveriesMax = 10_000
	// Deliveries that wait for the worker. When it is full we say 503, and the server tries again later.
	waitingMax = 1_000
	// Events kept for GET /events.
	eventsMax = 1_000
	// Age at which a signed timestamp is refused: what was recorded cannot be replayed after it.
	tolerance = 5 * time.Minute
)

// Event is the envelope of a webhook.
type Event struct {
	EventType string                 `json:"event_type"`
	Timestamp string                 `json:"timestamp"`
	Data      map[string]interface{} `json:"data"`
}

type receiver struct {
	secret  string
	waiting chan Event

	mu     sync.Mutex
	seen   map[string]struct{}
	order  []string
	events []Event
}

// signatureIsValid checks X-MoRAG-Signature: the HMAC of the body, in hexadecimal.
func signatureIsValid(secret string, body []byte, signature string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	expected := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	// Compares in constant time: a difference in timing would tell an attacker how much of a guess is right.
	return hmac.Equal([]byte(expected), []byte(signature))
}

// standardSignatureIsValid checks the three headers of Standard Webhooks, which sign id and time too. With a whsec_ secret
// the official Go library of Standard Webhooks does the same.
func standardSignatureIsValid(secret string, body []byte, header http.Header, now time.Time) bool {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return false
	}
	age := now.Sub(time.Unix(seconds, 0))
	if age > tolerance || age < -tolerance {
		return false
	}
	key := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return false
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// There are several while a secret is rotated.
	for _, one := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal(expected, []byte(one)) {
			return true
		}
	}
	return false
}

// take queues an event unless its delivery is known: delivery is at least once, and a retry has the same id.
func (r *receiver) take(delivery string, event Event) (status string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.seen[delivery]; known {
		return "duplicate", true
	}
	// The queue of a real receiver is on disk, or what waits in it is lost with the process.
	select {
	case r.waiting <- event:
	default:
		return "busy", false
	}
	// Noted after it was queued: a delivery that we said no to must come again.
	r.seen[delivery] = struct{}{}
	r.order = append(r.order, delivery)
	if len(r.order) > deliveriesMax {
		delete(r.seen, r.order[0])
		r.order = r.order[1:]
	}
	return "received", true
}

// work does with events, one after the other, what you want done with them.
func (r *receiver) work() {
	for event := range r.waiting {
		r.mu.Lock()
		r.events = append(r.events, event)
		if len(r.events) > eventsMax {
			r.events = r.events[1:]
		}
		r.mu.Unlock()
	}
}

func (r *receiver) webhook(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		answer(w, http.StatusMethodNotAllowed, "POST only")
		return
	}
	// The bytes as they came: a parsed and re-rendered body has another signature.
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, bodyBytesMax))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			answer(w, http.StatusRequestEntityTooLarge, "the body is too large")
			return
		}
		answer(w, http.StatusBadRequest, "the body broke off")
		return
	}
	if !signatureIsValid(r.secret, body, request.Header.Get("X-MoRAG-Signature")) ||
		!standardSignatureIsValid(r.secret, body, request.Header, time.Now()) {
		answer(w, http.StatusUnauthorized, "the signature does not match: is WEBHOOK_SECRET the server's, and is the clock right?")
		return
	}
	var event Event
	if err := json.Unmarshal(body, &event); err != nil {
		answer(w, http.StatusBadRequest, "the body is not JSON")
		return
	}
	status, ok := r.take(request.Header.Get("X-MoRAG-Delivery"), event)
	if !ok {
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, status)
		return
	}
	// The server waits for this answer before it sends the next event.
	answer(w, http.StatusOK, status)
}

func (r *receiver) listEvents(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	events := append([]Event{}, r.events...)
	r.mu.Unlock()
	write(w, http.StatusOK, events)
}

func answer(w http.ResponseWriter, code int, status string) {
	write(w, code, map[string]string{"status": status})
}

func write(w http.ResponseWriter, code int, value interface{}) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Printf("the answer broke off: %v", err)
	}
}

func main() {
	secret := os.Getenv("WEBHOOK_SECRET")
	if secret == "" {
		log.Fatal("set WEBHOOK_SECRET to the server's: without it anybody could send us events")
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8001"
	}
	r := &receiver{secret: secret, waiting: make(chan Event, waitingMax), seen: make(map[string]struct{})}
	go r.work()
	mux := http.NewServeMux()
	mux.HandleFunc("/webhook", r.webhook)
	mux.HandleFunc("/events", r.listEvents)
	server := &http.Server{
		Addr:    "127.0.0.1:" + port,
		Handler: mux,
		// A client that sends nothing holds no connection for longer.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
	}
	log.Printf("receiver listens on http://%s", server.Addr)
	log.Fatal(server.ListenAndServe())
}

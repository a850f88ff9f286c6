// A webhook receiver that verifies, deduplicates and answers fast (Go, standard library only).
//
//	WEBHOOK_SECRET=change-me go run .      # listens on 127.0.0.1:8001
//
// POST /webhook takes deliveries, GET /events shows what was worked on.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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
	// Names remembered for deduplication, two a delivery: far more than can be retried at once.
	namesMax = 20_000
	// Deliveries that wait for the worker. When it is full we say 503, and the server tries again later.
	waitingMax = 1_000
	// Events kept for GET /events.
	eventsMax = 1_000
	// Age at which a signed timestamp is refused: what was recorded cannot be replayed after it.
	tolerance = 5 * time.Minute
	// Signatures read of one webhook-signature: a rotated secret adds one.
	signaturesMax = 16
	// What a whsec_ secret begins with; the rest is the key in base64.
	prefix = "whsec_"
)

// Event is the envelope of a webhook.
type Event struct {
	EventType string                 `json:"event_type"`
	Timestamp string                 `json:"timestamp"`
	Data      map[string]interface{} `json:"data"`
}

type receiver struct {
	secret  string
	key     []byte
	waiting chan Event

	mu sync.Mutex
	// Ids and digests of bodies that were taken, with the signed id of that delivery: empty where no id was signed.
	seen   map[string]string
	order  []string
	events []Event
}

// keyOf gives what Standard Webhooks signs with: what a whsec_ secret encodes, any other as it is. It refuses what can be guessed.
func keyOf(secret string) ([]byte, error) {
	key, least := []byte(secret), 8
	if strings.HasPrefix(secret, prefix) {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, prefix))
		if err != nil {
			return nil, errors.New("WEBHOOK_SECRET begins with whsec_, and what follows is no base64")
		}
		key, least = decoded, 24
	}
	if len(key) < least {
		return nil, fmt.Errorf("set WEBHOOK_SECRET to the server's, of at least %d bytes: without it anybody could send us events", least)
	}
	return key, nil
}

// moragSignatureHolds checks X-MoRAG-Signature: the HMAC of the body, in hexadecimal.
func (r *receiver) moragSignatureHolds(body []byte, signature string) bool {
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write(body)
	expected := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	// Compares in constant time: a difference in timing would tell an attacker how much of a guess is right.
	return hmac.Equal([]byte(expected), []byte(signature))
}

// standardSignatureHolds checks the three headers of Standard Webhooks, which sign id and time too. With a whsec_ secret
// the official Go library of Standard Webhooks does the same.
func (r *receiver) standardSignatureHolds(body []byte, header http.Header) bool {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(header.Get("webhook-id") + "." + header.Get("webhook-timestamp") + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// There are several while a secret is rotated: whoever knows the old one or the new one finds theirs.
	given := strings.Fields(header.Get("webhook-signature"))
	if len(given) > signaturesMax {
		given = given[:signaturesMax]
	}
	holds := false
	for _, one := range given {
		holds = hmac.Equal(expected, []byte(one)) || holds
	}
	return holds
}

// whyRefused says why a delivery is not taken; nothing where it is the server's, and not too old.
//
// One of the two signatures is enough. X-MoRAG-Signature is of the body alone, so whoever recorded a delivery can send it again
// with another X-MoRAG-Timestamp: where that matters, take webhook-signature only.
func (r *receiver) whyRefused(body []byte, header http.Header, now time.Time) string {
	var timestamp string
	switch morag, standard := header.Get("X-MoRAG-Signature"), header.Get("webhook-signature"); {
	case morag == "" && standard == "":
		return "unsigned: it has neither webhook-signature nor X-MoRAG-Signature"
	case r.standardSignatureHolds(body, header):
		timestamp = header.Get("webhook-timestamp")
	case r.moragSignatureHolds(body, morag):
		timestamp = header.Get("X-MoRAG-Timestamp")
	default:
		// For an HMAC both look alike: nobody can tell which it was.
		return "wrong secret or changed body: is WEBHOOK_SECRET the server's, and the body as it came?"
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	age := now.Sub(time.Unix(seconds, 0))
	if err != nil || age > tolerance || age < -tolerance {
		return fmt.Sprintf("too old: its time is more than %v off: a replay, or a wrong clock", tolerance)
	}
	return ""
}

// namesOf gives the signed id of a delivery that is not refused, and the digest of its body.
//
// Only what is signed names it: all else can be another when a recorded delivery is sent again. The id, which is the same on
// retries, is empty where X-MoRAG-Signature alone holds: that signs only the body.
func (r *receiver) namesOf(body []byte, header http.Header) (id, digest string) {
	if r.standardSignatureHolds(body, header) {
		id = header.Get("webhook-id")
	}
	sum := sha256.Sum256(body)
	return id, hex.EncodeToString(sum[:])
}

// isKnown says whether it was taken before. Where it has no signed id, or had none when it was taken, its body tells.
func (r *receiver) isKnown(id, digest string) bool {
	with, body := r.seen[digest]
	if id == "" {
		return body
	}
	_, known := r.seen[id]
	return known || body && with == ""
}

// note notes one that was taken.
func (r *receiver) note(id, digest string) {
	for _, name := range []string{id, digest} {
		if name == "" {
			continue
		}
		if _, known := r.seen[name]; !known {
			r.order = append(r.order, name)
		}
		r.seen[name] = id
	}
	for len(r.order) > namesMax {
		delete(r.seen, r.order[0])
		r.order = r.order[1:]
	}
}

// take queues an event unless its delivery is known: delivery is at least once.
func (r *receiver) take(id, digest string, event Event) (status string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isKnown(id, digest) {
		return "duplicate", true
	}
	// The queue of a real receiver is on disk, or what waits in it is lost with the process.
	select {
	case r.waiting <- event:
	default:
		return "busy", false
	}
	// Noted after it was queued: a delivery that we said no to must come again.
	r.note(id, digest)
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
	if refused := r.whyRefused(body, request.Header, time.Now()); refused != "" {
		answer(w, http.StatusUnauthorized, refused)
		return
	}
	var event Event
	if err := json.Unmarshal(body, &event); err != nil {
		answer(w, http.StatusBadRequest, "the body is not JSON")
		return
	}
	id, digest := r.namesOf(body, request.Header)
	status, ok := r.take(id, digest, event)
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

func answer(w http.ResponseWriter, code int, text string) {
	name := "status"
	if code >= 400 {
		name = "error"
	}
	write(w, code, map[string]string{name: text})
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
	key, err := keyOf(secret)
	if err != nil {
		log.Fatal(err)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8001"
	}
	r := &receiver{secret: secret, key: key, waiting: make(chan Event, waitingMax), seen: make(map[string]string)}
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

package rig

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// tokenPath is where a registry that wants tokens gives them out. Real ones do so elsewhere: what is asked here shows in the log.
const tokenPath = "/token"

// token gives a token to whoever shows user and password (distribution's docs/spec/auth/token.md), and to nobody else.
func (r *Registry) token(w http.ResponseWriter, req *http.Request) {
	user, password, _ := req.BasicAuth()
	if !same(user+":"+password, r.login()) {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	text := rand.Text()
	r.mu.Lock()
	r.tokens[text] = true
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token": text, "access_token": text, "expires_in": 300, "issued_at": time.Now().UTC().Format(time.RFC3339),
	})
}

// bears reports whether a request shows a token that was given out here.
func (r *Registry) bears(req *http.Request) bool {
	text, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	r.mu.Lock()
	defer r.mu.Unlock()
	return ok && r.tokens[text]
}

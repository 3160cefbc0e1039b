package rig

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
)

// snapdSocket is where snapd answers on a node.
const snapdSocket = "/run/snapd.socket"

// Snapd stands in for snapd's REST API (https://snapcraft.io/docs/snapd-api), as far as it restarts a service: by the stand-in for its command.
type Snapd struct {
	server  *http.Server
	command string

	mu      sync.Mutex
	changes []map[string]any
}

// StartSnapd lets it answer at /run/snapd.socket; command is the path of the snap command.
func StartSnapd(command string) (*Snapd, error) {
	listener, err := net.Listen("unix", snapdSocket)
	if err != nil {
		return nil, err
	}
	s := &Snapd{command: command}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /v2/apps", s.apps)
	routes.HandleFunc("GET /v2/changes/{number}", s.change)
	s.server = &http.Server{Handler: routes}
	go s.server.Serve(listener)
	return s, nil
}

// Close ends it.
func (s *Snapd) Close() { s.server.Close() }

// apps begins a change, which goes on after the answer.
func (s *Snapd) apps(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Action string
		Names  []string
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		snapdAnswer(w, http.StatusBadRequest, map[string]any{"type": "error", "result": map[string]string{"message": err.Error()}})
		return
	}
	change := map[string]any{"ready": false, "status": "Doing"}
	s.mu.Lock()
	s.changes = append(s.changes, change)
	number := len(s.changes)
	s.mu.Unlock()
	go func() {
		out, err := exec.Command(s.command, append([]string{asked.Action}, asked.Names...)...).CombinedOutput()
		s.mu.Lock()
		defer s.mu.Unlock()
		change["ready"], change["status"] = true, "Done"
		if err != nil {
			change["status"], change["err"] = "Error", strings.TrimSpace(string(out))
		}
	}()
	snapdAnswer(w, http.StatusAccepted, map[string]any{"type": "async", "change": fmt.Sprint(number)})
}

func (s *Snapd) change(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, change := range s.changes {
		if fmt.Sprint(i+1) == r.PathValue("number") {
			snapdAnswer(w, http.StatusOK, map[string]any{"type": "sync", "result": change})
			return
		}
	}
	snapdAnswer(w, http.StatusNotFound, map[string]any{"type": "error", "result": map[string]string{"message": "cannot find change"}})
}

func snapdAnswer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body)
}

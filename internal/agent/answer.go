package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of an answer: an agent's is one short line.
const maxAnswer = 64 << 10

// answer is what an agent says (pkg/httputil/httputil.go and pkg/api/v2/register.go of canonical/microk8s-cluster-agent).
type answer struct {
	Status string `json:"status"` // OK
	Error  string `json:"error"`
}

// judge tells what an answer means: nil where the node has the images.
func judge(response *http.Response, text []byte) *Fault {
	var said answer
	if err := json.Unmarshal(text, &said); err != nil || said.Error == "" && said.Status != "OK" {
		return &Fault{Kind: ErrNotAgent, Detail: fmt.Sprintf("it said %s and %q", response.Status, clip(string(text)+response.Header.Get("Location")))}
	}
	fault := &Fault{Kind: ErrRefused, Detail: fmt.Sprintf("it said %s: %q", response.Status, clip(said.Error))}
	switch status := response.StatusCode; {
	case status == http.StatusOK && said.Status == "OK":
		return nil
	case status == http.StatusUnauthorized, strings.Contains(said.Error, "invalid token"): // the first agents said 500 to that
		fault.Kind = ErrUnauthorized
		fault.Hint = "credentials/callback-token.txt of that node differs from this node's: did it join this cluster?"
	case status == http.StatusNotFound:
		fault.Hint = "agents import images since MicroK8s 1.25: that node has an older one"
	case status == http.StatusInternalServerError:
		fault.Hint = "what ctr said is only in that node's journal: journalctl -u snap.microk8s.daemon-cluster-agent"
	}
	return fault
}

// clip shortens what somebody else wrote, for a message.
func clip(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 300 {
		return text[:300] + "…"
	}
	return text
}

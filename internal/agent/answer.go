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

// judge tells what an answer means; kind is nil where the node has the images.
func judge(response *http.Response, text []byte) (kind error, detail, hint string) {
	var said answer
	if err := json.Unmarshal(text, &said); err != nil || said == (answer{}) {
		detail = fmt.Sprintf("it said %s and %q", response.Status, clip(string(text)))
		if to := response.Header.Get("Location"); to != "" {
			detail = fmt.Sprintf("it said %s and pointed to %q", response.Status, clip(to))
		}
		return ErrNotAgent, detail, ""
	}
	detail = fmt.Sprintf("it said %s: %q", response.Status, clip(said.Error))
	switch {
	case response.StatusCode == http.StatusOK && said.Status == "OK":
		return nil, "", ""
	case response.StatusCode == http.StatusOK:
		return ErrNotAgent, fmt.Sprintf("it said %s and %q", response.Status, clip(string(text))), ""
	case response.StatusCode == http.StatusUnauthorized, strings.Contains(said.Error, "invalid token"): // the first agents said 500 to that
		return ErrUnauthorized, detail, "credentials/callback-token.txt of that node differs from this node's: did it join this cluster?"
	case response.StatusCode == http.StatusNotFound:
		return ErrRefused, detail, "agents import images since MicroK8s 1.25: that node has an older one"
	case response.StatusCode != http.StatusInternalServerError:
		return ErrRefused, detail, ""
	}
	return ErrRefused, detail, "what ctr said is only in that node's journal: journalctl -u snap.microk8s.daemon-cluster-agent"
}

// clip shortens what somebody else wrote, for a message.
func clip(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 300 {
		return text[:300] + "…"
	}
	return text
}

package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// snapd is the REST API of the snapd of a node that is mounted at host (https://snapcraft.io/docs/snapd-api).
type snapd struct{ host string }

// snapdAnswer is the frame around every answer.
type snapdAnswer struct {
	Type   string          `json:"type"` // sync, async, error
	Change string          `json:"change"`
	Result json.RawMessage `json:"result"`
}

// snapdError is the result of an answer of type error.
type snapdError struct {
	Message string `json:"message"`
	Kind    string `json:"kind"`
}

func (e *snapdError) Error() string { return e.Message }

// snapdChange is a change in progress.
type snapdChange struct {
	Ready  bool   `json:"ready"`
	Status string `json:"status"`
	Err    string `json:"err"`
}

// restart restarts a service of a snap, and waits for the change to be done. While snapd is busy it is tried again until ctx ends.
func (s snapd) restart(ctx context.Context, service string) error {
	socket := filepath.Join(s.host, "run/snapd.socket")
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	var change string
	err := retry(ctx, busyShortest, busyLongest, func() (bool, error) {
		answer, err := ask(ctx, client, http.MethodPost, "/v2/apps", map[string]any{"action": "restart", "names": []string{service}})
		var refused *snapdError
		var dialling *net.OpError
		switch {
		case errors.As(err, &refused) && refused.Kind == "snap-change-conflict":
			return false, fmt.Errorf("restarting %s: %w: %w", service, ErrBusy, err)
		case errors.As(err, &dialling) && dialling.Op == "dial":
			return true, fmt.Errorf("restarting %s: %w: %w; by hand: snap restart %s", service, ErrNoService, err, service)
		case err != nil:
			return true, fmt.Errorf("restarting %s: %w", service, err)
		}
		change = answer.Change
		return true, nil
	})
	if err != nil {
		return err
	}
	return retry(ctx, 100*time.Millisecond, time.Second, func() (bool, error) {
		answer, err := ask(ctx, client, http.MethodGet, "/v2/changes/"+change, nil)
		if err != nil {
			return true, fmt.Errorf("restarting %s: asking for change %s: %w", service, change, err)
		}
		var c snapdChange
		if err := json.Unmarshal(answer.Result, &c); err != nil {
			return true, fmt.Errorf("restarting %s: reading change %s: %w", service, change, err)
		}
		switch {
		case !c.Ready:
			return false, fmt.Errorf("restarting %s: change %s is not done", service, change)
		case c.Err != "" || c.Status != "Done":
			return true, fmt.Errorf("restarting %s: change %s: %s: %s", service, change, c.Status, c.Err)
		}
		return true, nil
	})
}

// ask makes one request of snapd. What snapd refuses is a *snapdError.
func ask(ctx context.Context, client *http.Client, method, path string, body any) (snapdAnswer, error) {
	var answer snapdAnswer
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return answer, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://snapd"+path, &sent)
	if err != nil {
		return answer, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("reading snapd's answer (%s): %w", response.Status, err)
	}
	if answer.Type == "error" {
		refused := new(snapdError)
		if err := json.Unmarshal(answer.Result, refused); err != nil {
			return answer, fmt.Errorf("reading snapd's refusal (%s): %w", response.Status, err)
		}
		return answer, refused
	}
	return answer, nil
}

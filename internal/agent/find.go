package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"
)

// snapData is reached through the link that follows the snap's revision.
const snapData = "/var/snap/microk8s/current"

// Where MicroK8s keeps what is needed. ca.remote.crt is on workers only: there ca.crt is the node's own and this one the cluster's.
const (
	tokenFile    = snapData + "/credentials/callback-token.txt"
	caFile       = snapData + "/certs/ca.crt"
	remoteCAFile = snapData + "/certs/ca.remote.crt"
	argsFile     = snapData + "/args/cluster-agent"

	// ClientConfig is the kubeconfig of a control-plane node's administrator.
	ClientConfig = snapData + "/credentials/client.config"
)

// Find reads from a MicroK8s node what is needed to talk to its cluster's agents. read gives a file of the node by its path there, and
// an error that is [fs.ErrNotExist] for one that is missing.
func Find(read func(path string) ([]byte, error)) (Agents, error) {
	text, err := read(tokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Agents{}, fmt.Errorf("reading %q: %w: MicroK8s writes it when nodes join, so this node is in no cluster", tokenFile, fs.ErrNotExist)
	}
	if err != nil {
		return Agents{}, fmt.Errorf("reading %q: %w", tokenFile, err)
	}
	token := firstToken(string(text))
	if token == "" {
		return Agents{}, fmt.Errorf("reading %q: no token in it", tokenFile)
	}
	ca, err := read(caFile)
	if err != nil {
		return Agents{}, fmt.Errorf("reading %q: %w", caFile, err)
	}
	remote, err := read(remoteCAFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Agents{}, fmt.Errorf("reading %q: %w", remoteCAFile, err)
	}
	agents, err := New(token, append(append(ca, '\n'), remote...), Port)
	if err != nil {
		return Agents{}, fmt.Errorf("reading %q: %w", caFile, err)
	}
	args, err := read(argsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Agents{}, fmt.Errorf("reading %q: %w", argsFile, err)
	}
	if err := agents.arguments(string(args)); err != nil {
		return Agents{}, fmt.Errorf("reading %q: %w", argsFile, err)
	}
	return agents, nil
}

// firstToken is the first token of a token file: one a line, each with "|" and the time of its end where it has one
// (canonical/microk8s-cluster-agent, pkg/util/token.go).
func firstToken(text string) Token {
	for line := range strings.Lines(text) {
		token, _, _ := strings.Cut(strings.TrimSpace(line), "|")
		if token != "" {
			return Token(token)
		}
	}
	return ""
}

// arguments takes port and limit from the agent's own arguments, one or more a line, as "--bind ADDRESS" or "--bind=ADDRESS". The last
// one holds. Other nodes have their own file, but joining a cluster demands the same port (pkg/api/v2/join.go).
func (a *Agents) arguments(text string) error {
	var words []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#") // the file is expanded by bash
		words = append(words, strings.Fields(strings.ReplaceAll(line, "=", " "))...)
	}
	for i := range words {
		if i+1 == len(words) {
			break
		}
		value := strings.Trim(words[i+1], `"'`)
		switch words[i] {
		case "--bind":
			_, port, err := net.SplitHostPort(value)
			if err != nil {
				return fmt.Errorf("--bind: %w", err)
			}
			number, err := strconv.ParseUint(port, 10, 16)
			if err != nil || number == 0 {
				return fmt.Errorf("--bind: no port in %q", value)
			}
			a.Port = int(number)
		case "--timeout":
			seconds, err := strconv.ParseUint(value, 10, 31)
			if err != nil || seconds == 0 {
				return fmt.Errorf("--timeout: %q is no number of seconds", value)
			}
			a.Limit = time.Duration(seconds) * time.Second
		}
	}
	return nil
}

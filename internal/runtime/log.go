package runtime

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/regsync/regsync/render"
)

// LastWord gives the line of the service's log that says best why it does not serve, of those since a time; empty where journald does not
// have one. It may hold whatever stands in containerd's config.
func (s Service) LastWord(ctx context.Context, since time.Time) string {
	units := map[render.Runtime]string{render.MicroK8s: snapUnit, render.Containerd: containerdUnit}
	args := []string{"--unit=" + units[s.Runtime], fmt.Sprintf("--since=@%d", since.Unix()), "--output=cat", "--no-pager", "--quiet"}
	if s.Host != "" {
		args = append(args, "--root="+s.Host)
	}
	log, err := exec.CommandContext(ctx, "journalctl", args...).Output()
	if err != nil {
		return ""
	}
	return worst(string(log))
}

// grave are the marks of lines that say why, the best first: what containerd says on its way out, a plugin of the CRI that does not load,
// anything that is an error.
var grave = []func(line string) bool{
	func(line string) bool {
		return strings.HasPrefix(line, "containerd: ") || strings.Contains(line, "level=fatal")
	},
	func(line string) bool {
		return strings.Contains(line, "failed to load plugin") && strings.Contains(line, "cri")
	},
	func(line string) bool { return strings.Contains(line, "level=error") },
}

// worst gives the last of the gravest lines.
func worst(log string) string {
	for _, is := range grave {
		found := ""
		for line := range strings.Lines(log) {
			if line = strings.TrimSpace(line); is(line) {
				found = line
			}
		}
		if found != "" {
			return found
		}
	}
	return ""
}

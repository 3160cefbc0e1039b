package test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// dockerd start [FLAGS…] | stop | reload | pid | log: Docker's daemon on /etc/docker/daemon.json and /run/docker.sock.
func cmdDockerd(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	switch args[0] {
	case "start":
		running, err := rig.StartDockerd(context.Background(), n.dir, args[1:]...)
		n.dockerd = running
		settle(ts, neg, err)
	case "stop":
		n.dockerd.Stop()
		n.dockerd = nil
	case "reload":
		settle(ts, neg, n.dockerd.Reload(context.Background()))
	case "pid":
		fmt.Fprintln(ts.Stdout(), n.dockerd.Pid())
	case "log":
		fmt.Fprint(ts.Stdout(), ts.ReadFile(n.dockerd.Log))
	default:
		ts.Fatalf("usage: dockerd start|stop|reload|pid|log")
	}
}

// docker-info: what the running daemon has, a line each: "insecure HOST", "insecure CIDR", "mirror URL", "label TEXT".
func cmdDockerInfo(ts *testscript.TestScript, neg bool, args []string) {
	info, err := rig.DockerInfo(context.Background())
	if err == nil {
		err = printInfo(ts, info)
	}
	settle(ts, neg, err)
}

func printInfo(ts *testscript.TestScript, info map[string]any) error {
	var has struct {
		RegistryConfig struct {
			IndexConfigs          map[string]struct{ Secure bool }
			InsecureRegistryCIDRs []string
			Mirrors               []string
		}
		Labels []string
	}
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &has); err != nil {
		return err
	}
	var lines []string
	for host, index := range has.RegistryConfig.IndexConfigs {
		if !index.Secure {
			lines = append(lines, "insecure "+host)
		}
	}
	for _, cidr := range has.RegistryConfig.InsecureRegistryCIDRs {
		lines = append(lines, "insecure "+cidr)
	}
	for _, mirror := range has.RegistryConfig.Mirrors {
		lines = append(lines, "mirror "+mirror)
	}
	for _, label := range has.Labels {
		lines = append(lines, "label "+label)
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(ts.Stdout(), line)
	}
	return nil
}

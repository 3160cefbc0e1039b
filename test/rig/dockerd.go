package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// DockerSocket is where Docker's daemon listens; inside the rig the path is throw-away.
const DockerSocket = "/run/docker.sock"

// Dockerd is a running Docker daemon.
type Dockerd struct{ *Daemon }

// StartDockerd starts the machine's dockerd on /etc/docker/daemon.json, with further flags, and waits for its API. Its
// images and log go to dir. It gets no bridge and no firewall rules.
func StartDockerd(ctx context.Context, dir string, flags ...string) (*Dockerd, error) {
	program, err := exec.LookPath("dockerd")
	if err != nil {
		return nil, err
	}
	argv := append([]string{
		program, "--data-root", filepath.Join(dir, "docker"), "--exec-root", "/run/docker",
		"--pidfile", "/run/docker.pid", "-H", "unix://" + DockerSocket, "--iptables=false", "--ip6tables=false", "--bridge=none",
	}, flags...)
	daemon, err := StartDaemon(filepath.Join(dir, "dockerd.log"), argv...)
	if err != nil {
		return nil, err
	}
	answers := func(ctx context.Context) error {
		_, err := DockerInfo(ctx)
		return err
	}
	if err := daemon.await(ctx, answers); err != nil {
		daemon.Stop()
		return nil, err
	}
	return &Dockerd{daemon}, nil
}

// Reload asks the daemon to read daemon.json again (SIGHUP) and waits until its log says that it has.
func (d *Dockerd) Reload(ctx context.Context) error {
	before, err := os.ReadFile(d.Log)
	if err != nil {
		return err
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return d.await(ctx, func(context.Context) error {
		log, err := os.ReadFile(d.Log)
		if err == nil && !strings.Contains(string(log[len(before):]), "Reloaded configuration") {
			err = errors.New("not reloaded yet")
		}
		return err
	})
}

// DockerInfo is what the daemon says of itself (GET /info), above all RegistryConfig with Mirrors and IndexConfigs.
func DockerInfo(ctx context.Context) (map[string]any, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", DockerSocket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/info", nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking dockerd for its info: %s", answer.Status)
	}
	info := map[string]any{}
	return info, json.NewDecoder(answer.Body).Decode(&info)
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/render"
)

// readNames reads what turns names into addresses, and works out which names matter.
func (e *examination) readNames() error {
	f := &e.facts
	var err error
	if f.Hosts, err = e.file(e.spec.Node.HostsFile); err != nil {
		return err
	}
	for _, name := range append([]string{"/etc/cloud/cloud.cfg"}, e.root.Glob("/etc/cloud/cloud.cfg.d/*.cfg")...) {
		file, err := e.file(name)
		if err != nil {
			return err
		}
		f.Clouds = append(f.Clouds, file)
	}
	for _, name := range e.root.Glob("/etc/cloud/templates/hosts.*.tmpl") {
		file, err := e.file(name)
		if err != nil {
			return err
		}
		f.Template.Data = append(f.Template.Data, file.Data...)
	}
	f.Wanted = append(doctor.NamedIn(f.Directories), doctor.NamedBy(e.spec)...)
	return nil
}

// readKubelet reads what of kubelet's configuration matters to images: MicroK8s' arguments, or the file of kubeadm.
func (e *examination) readKubelet() error {
	k := &e.facts.Kubelet
	for _, name := range []string{node.SnapData + "/args/kubelet", "/var/lib/kubelet/config.yaml"} {
		file, err := e.file(name)
		if err != nil {
			return err
		}
		n := 0
		for line := range strings.Lines(string(file.Data)) {
			n++
			key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
			if flag, rest, given := strings.Cut(strings.TrimSpace(line), "="); given && strings.HasPrefix(flag, "--") {
				key, value, ok = flag, rest, true
			}
			value = strings.Trim(strings.TrimSpace(value), `"'`)
			switch {
			case !ok:
			case key == "--image-gc-high-threshold" || key == "imageGCHighThresholdPercent":
				if percent, err := strconv.Atoi(value); err == nil {
					k.Threshold, k.ThresholdAt = percent, doctor.Place{Path: name, Line: n}
				}
			case key == "imagePullCredentialsVerificationPolicy":
				k.Verify, k.VerifyAt = value, doctor.Place{Path: name, Line: n}
			}
		}
	}
	return nil
}

// proxyFiles are where a service's proxies are set.
var proxyFiles = map[string][]string{
	"containerd": {"/etc/systemd/system/containerd.service.d/*.conf", "/etc/default/containerd"},
	"dockerd":    {"/etc/systemd/system/docker.service.d/*.conf", "/etc/default/docker", "/etc/sysconfig/docker"},
}

// readProxies finds out by which proxies containerd and dockerd ask: from their processes where these run, else from their files.
func (e *examination) readProxies(v *services) {
	pids := map[string]int{}
	if v.socket != "" {
		if pid, _, err := runtime.Started(v.socket); err == nil {
			pids["containerd"] = pid
		}
	}
	if pid, ok := v.docker.Pid(); ok && !v.baking {
		pids["dockerd"] = pid
	}
	for _, program := range []string{"containerd", "dockerd"} {
		patterns := proxyFiles[program]
		if program == "containerd" && e.place.Runtime == render.MicroK8s {
			patterns = []string{node.SnapData + "/args/containerd-env"}
		}
		set, at := e.proxyLines(patterns)
		if pid := pids[program]; pid > 0 {
			environment, err := runtime.Environment(pid)
			if err != nil {
				e.unseen = append(e.unseen, "the proxies of "+program)
				continue
			}
			set = environment
			if at.Path == "" {
				at.Path = fmt.Sprintf("/proc/%d/environ", pid)
			}
		}
		p := doctor.Proxy{
			Program: program, Place: at, HTTP: variable(set, "HTTP_PROXY"), HTTPS: variable(set, "HTTPS_PROXY"), Except: variable(set, "NO_PROXY"),
		}
		if p.HTTP+p.HTTPS != "" {
			e.facts.Proxies = append(e.facts.Proxies, p)
		}
	}
}

// variable gives a variable of an environment, which may be written in small letters too (net/http, ProxyFromEnvironment).
func variable(environment map[string]string, name string) string {
	if v := environment[name]; v != "" {
		return v
	}
	return environment[strings.ToLower(name)]
}

// proxySetting is NAME=VALUE of a proxy's variable, in a unit, a drop-in or an environment file.
var proxySetting = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(https?_proxy|no_proxy)=("[^"]*"|'[^']*'|[^\s"']*)`)
})

// proxyLines reads the proxies that files set, the later ones over the earlier ones, and where the first proxy is set.
func (e *examination) proxyLines(patterns []string) (set map[string]string, at doctor.Place) {
	set = map[string]string{}
	for _, pattern := range patterns {
		for _, name := range e.root.Glob(pattern) {
			live, err := e.root.Read(name)
			if err != nil {
				continue
			}
			n := 0
			for line := range strings.Lines(string(live.Data)) {
				n++
				if strings.HasPrefix(strings.TrimSpace(line), "#") || strings.HasPrefix(strings.TrimSpace(line), ";") {
					continue
				}
				for _, m := range proxySetting().FindAllStringSubmatch(line, -1) {
					key := strings.ToUpper(m[1])
					set[key] = strings.Trim(m[2], `"'`)
					if key != "NO_PROXY" && at.Path == "" {
						at = doctor.Place{Path: name, Line: n}
					}
				}
			}
		}
	}
	return set, at
}

// nameServers gives those that the node asks. Behind systemd-resolved it is those that this asks: it looks at /etc/hosts itself.
func (e *examination) nameServers() []string {
	live, err := e.root.Read("/run/systemd/resolve/resolv.conf")
	if err != nil || live.Data == nil {
		live, err = e.root.Read("/etc/resolv.conf")
	}
	if err != nil {
		return nil
	}
	var all []string
	for line := range strings.Lines(string(live.Data)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" && !slices.Contains(all, fields[1]) {
			all = append(all, fields[1])
		}
	}
	return all
}

// tcpTables are where the kernel lists the node's TCP sockets.
func (e *examination) tcpTables() []string {
	if host := filepath.Join(e.mount(), "proc/1/net"); e.host != "" {
		if _, err := os.Stat(host); err == nil {
			return []string{filepath.Join(host, "tcp"), filepath.Join(host, "tcp6")}
		}
		return nil
	}
	return []string{"/proc/net/tcp", "/proc/net/tcp6"}
}

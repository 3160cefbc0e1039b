package loader

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	containerd1 "github.com/containerd/containerd/remotes/docker/config"
	containerd2 "github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"
)

// Load reads what containerd of a major version makes of host's directory below certsDir. The error is the one that
// every pull from host fails with.
func Load(major int, certsDir, host string) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			result.Panic, err = fmt.Sprint(p), nil
		}
	}()
	find := containerd2.HostDirFromRoot(certsDir)
	if major < 2 {
		find = containerd1.HostDirFromRoot(certsDir)
	}
	// Its error for "no directory" is of no use here: containerd goes on without one.
	dir, _ := find(host)
	if dir != "" {
		result.Directory = filepath.Base(dir)
	}
	ctx := logTo(&result.Logged)
	switch major {
	case 1:
		hosts, err := containerd1.ConfigureHosts(ctx, containerd1.HostOptions{HostDir: containerd1.HostDirFromRoot(certsDir)})(host)
		for _, h := range hosts {
			result.Endpoints = append(result.Endpoints, endpoint(h.Scheme, h.Host, h.Path, uint8(h.Capabilities), h.Header, h.Client))
		}
		return result, err
	case 2:
		hosts, err := containerd2.ConfigureHosts(ctx, containerd2.HostOptions{HostDir: containerd2.HostDirFromRoot(certsDir)})(host)
		for _, h := range hosts {
			result.Endpoints = append(result.Endpoints, endpoint(h.Scheme, h.Host, h.Path, uint8(h.Capabilities), h.Header, h.Client))
		}
		return result, err
	}
	return Result{}, fmt.Errorf("loading hosts of %q: %w %d", host, errMajor, major)
}

var errMajor = errors.New("no loader of containerd")

// endpoint describes a host as a loader gives it. Both majors number capabilities alike.
func endpoint(scheme, host, path string, capabilities uint8, header http.Header, client *http.Client) Endpoint {
	e := Endpoint{URL: scheme + "://" + host + path, Header: header}
	for i, name := range []string{"pull", "resolve", "push", "referrers"} {
		if capabilities&(1<<i) != 0 {
			e.Capabilities = append(e.Capabilities, name)
		}
	}
	var config *tls.Config
	switch t := client.Transport.(type) {
	case *http.Transport:
		config = t.TLSClientConfig
	default:
		// The wrapper of NewHTTPFallback, of either major: http that is asked by https first.
		e.URL = "http://" + strings.TrimPrefix(e.URL, "https://")
		e.HTTPFallback = true
	}
	if config != nil {
		e.SkipVerify = config.InsecureSkipVerify
		e.HasCA = config.RootCAs != nil
		e.HasClient = len(config.Certificates) > 0
	}
	return e
}

// logTo gives a context that has containerd's log lines added to lines, all but those for debugging.
func logTo(lines *[]string) context.Context {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.InfoLevel)
	logger.AddHook(hook{lines})
	return log.WithLogger(context.Background(), logrus.NewEntry(logger))
}

type hook struct{ lines *[]string }

func (hook) Levels() []logrus.Level { return logrus.AllLevels }

func (h hook) Fire(e *logrus.Entry) error {
	line := e.Level.String() + ": " + e.Message
	if err, ok := e.Data[logrus.ErrorKey]; ok {
		line += fmt.Sprintf(": %v", err)
	}
	*h.lines = append(*h.lines, line)
	return nil
}

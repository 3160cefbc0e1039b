package test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

const registryUsage = `usage:
	registry start ADDRESS [tls | mtls | expired | misnamed | basic USER:PASSWORD | token USER:PASSWORD]
	registry want ADDRESS basic|token USER:PASSWORD
	registry answer ADDRESS STATUS | URL
	registry push ADDRESS REPOSITORY:TAG [BYTES]
	registry requests ADDRESS
	registry forget ADDRESS
	registry stop ADDRESS`

// registry: plain http unless it is started with tls, mtls (clients need a certificate), expired (the certificate) or misnamed (it is another
// host's); all are of the authority, and good for *.lab too. basic wants user and password with each request; token gives a token for them at /token, and wants that.
// want changes what is wanted. answer answers everything with a status (200: a page of HTML; 0: itself again), or sends everybody to a URL.
// A push makes a random image, with layers of so many bytes, and prints its digest; requests prints what was asked since the start or since forget.
func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf(registryUsage)
	}
	n, address := here(ts), args[1]
	if args[0] == "start" {
		settle(ts, neg, n.serve(address, args[2:]))
		return
	}
	registry := n.registries[address]
	if registry == nil {
		ts.Fatalf("registry %s does not run", address)
	}
	switch args[0] {
	case "push":
		size := int64(512)
		if len(args) == 4 {
			n, err := strconv.ParseInt(args[3], 10, 64)
			ts.Check(err)
			size = n
		}
		image, err := rig.RandomImageOf(size)
		ts.Check(err)
		digest, err := registry.PushImage(args[2], image)
		fmt.Fprintln(ts.Stdout(), digest)
		settle(ts, neg, err)
	case "want":
		if len(args) != 4 {
			ts.Fatalf(registryUsage)
		}
		registry.Want(args[3], args[2] == "token")
	case "answer":
		if len(args) != 3 {
			ts.Fatalf(registryUsage)
		}
		registry.Redirect, registry.Refuse = "", nil
		if status, err := strconv.Atoi(args[2]); err == nil {
			registry.Refuse = func(*http.Request) int { return status }
		} else {
			registry.Redirect = args[2]
		}
	case "requests":
		fmt.Fprintln(ts.Stdout(), strings.Join(registry.Requests(), "\n"))
	case "forget":
		registry.Forget()
	case "stop":
		delete(n.registries, address)
		settle(ts, neg, registry.Close())
	default:
		ts.Fatalf(registryUsage)
	}
}

func (n *node) serve(address string, options []string) error {
	var config *tls.Config
	if len(options) == 1 {
		if n.authority == nil {
			return fmt.Errorf("serving %s over TLS: no authority made yet", address)
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		switch options[0] {
		case "expired":
			config, err = n.authority.Expired(host, "*.lab")
		case "misnamed":
			config, err = n.authority.Server(false, "other.example")
		default:
			config, err = n.authority.Server(options[0] == "mtls", host, "*.lab")
		}
		if err != nil {
			return err
		}
	}
	registry, err := rig.StartRegistry(address, config)
	if err != nil {
		return err
	}
	if len(options) == 2 {
		registry.Want(options[1], options[0] == "token")
	}
	n.registries[address] = registry
	return nil
}

// distribution start ADDRESS: Debian's docker-registry, with plant-7 and the password secret in its htpasswd file.
// distribution push REPOSITORY:TAG: makes a random image and prints its digest.
func cmdDistribution(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: distribution start ADDRESS | distribution push REPOSITORY:TAG")
	}
	n := here(ts)
	if args[0] == "start" {
		dir := filepath.Join(n.dir, "distribution")
		ts.Check(os.Mkdir(dir, 0o755))
		var err error
		n.distribution, err = rig.StartDistribution(context.Background(), dir, args[1])
		settle(ts, neg, err)
		return
	}
	digest, err := n.distribution.Push(context.Background(), args[1])
	fmt.Fprintln(ts.Stdout(), digest)
	settle(ts, neg, err)
}

// authority FILE: makes a certificate authority and writes its certificate.
// authority issue CERT KEY: writes a client certificate of it.
func cmdAuthority(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	if len(args) == 1 {
		authority, err := rig.NewAuthority()
		ts.Check(err)
		n.authority = authority
		settle(ts, neg, os.WriteFile(ts.MkAbs(args[0]), authority.PEM, 0o644))
		return
	}
	if len(args) != 3 || args[0] != "issue" || n.authority == nil {
		ts.Fatalf("usage: authority FILE | authority issue CERT KEY")
	}
	cert, key, err := n.authority.Issue("client")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), cert, 0o644))
	settle(ts, neg, os.WriteFile(ts.MkAbs(args[2]), key, 0o600))
}

// web start ADDRESS DIR: serves the files of a directory over TLS, with a certificate of the authority; where none was made, over plain http.
// web stop ADDRESS: no longer.
// web cut ADDRESS BYTES: breaks the next answer off after so many bytes.
// web requests ADDRESS: what was asked.
func cmdWeb(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: web start ADDRESS DIR | web stop ADDRESS | web cut ADDRESS BYTES | web requests ADDRESS")
	}
	n, address := here(ts), args[1]
	switch web := n.webs[address]; args[0] {
	case "start":
		host, _, err := net.SplitHostPort(address)
		ts.Check(err)
		var config *tls.Config
		if n.authority != nil {
			config, err = n.authority.Server(false, host)
			ts.Check(err)
		}
		web, err := rig.StartWeb(address, ts.MkAbs(args[2]), config)
		ts.Check(err)
		n.webs[address] = web
	case "stop":
		delete(n.webs, address)
		ts.Check(web.Close())
	case "cut":
		after, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		web.Cut(after)
	case "requests":
		fmt.Fprintln(ts.Stdout(), strings.Join(web.Requests(), "\n"))
	}
}

package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const importPath = "/cluster/api/v2.0/image/import"

// defaultDialling is generous for a neighbour in the same network.
const defaultDialling = 10 * time.Second

// errPatience ends a request that the agent should have ended long since.
var errPatience = errors.New("no answer")

// Push brings an archive to one node and waits until that has imported it. tell, which may be nil, hears after each read how many bytes are
// on their way. An error is a [*Fault], one of the archive itself, or the context's.
//
// The agent of a node that joined as a worker serves a certificate of an authority of its own: the cluster's is put beside it as
// ca.remote.crt, and its key stays with the control plane (canonical/microk8s, scripts/wrappers/join.py, join_dqlite_worker_node). It ends
// in [ErrUntrusted] unless its certificate is among the pins.
func (a Agents) Push(ctx context.Context, node Node, body Body, tell func(sent int64)) error {
	if node.Address == "" {
		return &Fault{Node: node, Kind: ErrUnreachable, Detail: "the node has no InternalIP"}
	}
	from, size, err := body()
	if err != nil {
		return fmt.Errorf("opening the archive for node %q: %w", node.Name, err)
	}
	if size == 0 {
		from.Close()
		return fmt.Errorf("opening the archive for node %q: %w", node.Name, errEmpty)
	}
	f := &feed{from: from, size: max(size, -1), tell: tell}
	fault := a.post(ctx, node, f)
	sent, err := f.end()
	switch {
	case err != nil:
		return fmt.Errorf("reading the archive for node %q: %w", node.Name, err)
	case fault == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("pushing to node %q: %w", node.Name, context.Cause(ctx))
	case errors.Is(fault, ErrTimedOut):
		fault.Detail = fmt.Sprintf("it cuts a request after %v, when %s were sent", a.Limit, f.progress(sent))
		fault.Hint = "split the archive, or raise --timeout in args/cluster-agent of that node and restart microk8s.daemon-cluster-agent there"
	case errors.Is(fault, ErrUnreachable) && sent > 0:
		fault.Detail = fmt.Sprintf("the connection broke after %s", f.progress(sent))
	}
	return fault
}

// post makes the request and judges what comes of it.
func (a Agents) post(ctx context.Context, node Node, f *feed) *Fault {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var connected atomic.Pointer[time.Time]
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		now := time.Now()
		connected.Store(&now)
		// The agent is to cut the request itself, and to say so; one that does not is not waited for much longer.
		timer := time.AfterFunc(a.Limit+a.Limit/8, func() { cancel(errPatience) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	}})
	// Time on our side begins before the agent's: where the agent was cut off, at least this much has gone by here.
	over := func() bool {
		start := connected.Load()
		return start != nil && time.Since(*start) >= a.Limit
	}
	target := url.URL{Scheme: "https", Host: net.JoinHostPort(node.Address, strconv.Itoa(a.Port)), Path: importPath}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), f)
	if err != nil {
		_ = f.Close()
		return &Fault{Node: node, Kind: ErrUnreachable, Cause: err}
	}
	request.ContentLength = f.size
	request.Header.Set("X-Microk8s-Callback-Token", string(a.Token))
	request.Header.Set("Content-Type", "application/x-tar")
	// The agent looks at the token before it reads: it can say no before a gigabyte is on its way, and its answer is not lost in a
	// connection that breaks under the gigabyte ("Connection aborted", canonical/microk8s#4237).
	request.Header.Set("Expect", "100-continue")

	response, err := a.transport(node).RoundTrip(request) // not a http.Client: a redirect must not carry the token away
	if err != nil {
		return a.failed(node, err, context.Cause(ctx), connected.Load() != nil, over())
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return a.failed(node, err, context.Cause(ctx), true, over())
	}
	fault := judge(response, text)
	if fault == nil {
		return nil
	}
	if over() {
		fault.Kind = ErrTimedOut
	}
	fault.Node = node
	fault.Detail = strings.ReplaceAll(fault.Detail, string(a.Token), a.Token.String())
	return fault
}

// failed tells what an error of the connection means.
func (a Agents) failed(node Node, err, cause error, connected, over bool) *Fault {
	fault := &Fault{Node: node, Kind: ErrUnreachable, Cause: err}
	var no *untrusted
	var record tls.RecordHeaderError
	switch {
	case errors.Is(cause, errPatience):
		fault.Kind, fault.Cause = ErrTimedOut, errPatience
	case over:
		fault.Kind = ErrTimedOut
	case errors.As(err, &no):
		fault.Kind, fault.Detail, fault.Hint, fault.Cause = ErrUntrusted, no.detail, no.hint, no.cause
	case errors.As(err, &record):
		fault.Kind, fault.Detail = ErrNotAgent, "it does not speak TLS"
	case !connected:
		fault.Hint = "is MicroK8s running there, and the port open between the nodes? snap services microk8s.daemon-cluster-agent"
	}
	return fault
}

// transport is for one push. It has no Proxy, whatever the environment says: the nodes of a cluster reach each other directly, HTTPS_PROXY
// stands on many of them for containerd's sake while their NO_PROXY lists names and not the nodes' addresses, and a proxy that does answer for
// such an address leads to some other network's machine.
func (a Agents) transport(node Node) *http.Transport {
	dialling := a.dialling
	if dialling == 0 {
		dialling = defaultDialling
	}
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialling}).DialContext,
		TLSHandshakeTimeout:   dialling,
		ExpectContinueTimeout: dialling,
		DisableKeepAlives:     true,
		ForceAttemptHTTP2:     true, // an agent speaks it; there a no to what is still under way does not break the connection
		WriteBufferSize:       128 << 10,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			ServerName:         node.Address,
			InsecureSkipVerify: true, // VerifyConnection judges instead, pins included
			VerifyConnection:   a.verify(node),
		},
	}
}

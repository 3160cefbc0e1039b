package cluster

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func TestWholeGi(t *testing.T) {
	for quantity, want := range map[string]string{
		"40Gi": "40Gi", "1Ti": "1024Gi", "20480Mi": "20Gi", "1500Mi": "1500Mi", "20G": "20G", "": "", "much": "much",
	} {
		if got := wholeGi(quantity); got != want {
			t.Errorf("%q is %q, want %q", quantity, got, want)
		}
	}
}

// TestAnswers: who answers at the node port, and what is said of it.
func TestAnswers(t *testing.T) {
	registry := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				t.Errorf("it asks for %s", r.URL.Path)
			}
			w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
			w.WriteHeader(status)
		}
	}
	for _, x := range []struct {
		handler http.HandlerFunc
		want    string // empty: nothing is wrong
	}{
		{registry(http.StatusOK), ""},
		{registry(http.StatusUnauthorized), ""},
		{registry(http.StatusServiceUnavailable), "answers 503 Service Unavailable"},
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }, "something that is no registry (200 OK)"},
	} {
		server := httptest.NewServer(x.handler)
		if got := answers(t.Context(), portOf(t, server.Listener.Addr())); got != x.want && (x.want == "" || !strings.Contains(got, x.want)) {
			t.Errorf("%q, want %q", got, x.want)
		}
		server.Close()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, listener.Addr())
	listener.Close()
	if got := answers(t.Context(), port); !strings.Contains(got, "does not answer: ") || !strings.Contains(got, "refused") {
		t.Errorf("%q", got)
	}
}

func portOf(t *testing.T, address net.Addr) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPodFault(t *testing.T) {
	waiting := func(reason, message string) pod {
		var p pod
		p.Metadata.Name = "registry-1"
		p.Status.ContainerStatuses = make([]struct {
			State struct {
				Waiting struct{ Reason, Message string }
			}
		}, 1)
		p.Status.ContainerStatuses[0].State.Waiting.Reason, p.Status.ContainerStatuses[0].State.Waiting.Message = reason, message
		return p
	}
	unscheduled := pod{Metadata: meta{Name: "registry-1"}}
	unscheduled.Status.Conditions = []condition{{Type: "PodScheduled", Status: "False", Reason: "Unschedulable", Message: "0/1 nodes are available."}}
	for _, x := range []struct {
		pod  pod
		want string
	}{
		{waiting("ErrImagePull", "not found"), "pod registry-1: ErrImagePull: not found"},
		{waiting("ContainerCreating", ""), ""},
		{unscheduled, "pod registry-1: Unschedulable: 0/1 nodes are available"},
		{pod{}, ""},
	} {
		if got := x.pod.fault(); got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
	}
}

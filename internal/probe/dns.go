package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// DNS asks a name server for the addresses of a name. Unlike a resolver it looks at no hosts file. A name that the server does not know has no
// addresses, and that is no error.
func DNS(ctx context.Context, server, name string) ([]netip.Addr, error) {
	full, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, fmt.Errorf("asking for %q: %w", name, err)
	}
	var all []netip.Addr
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		found, err := query(ctx, server, full, kind)
		if err != nil {
			return nil, fmt.Errorf("asking %s for %q: %w", server, name, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func query(ctx context.Context, server string, name dnsmessage.Name, kind dnsmessage.Type) ([]netip.Addr, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", net.JoinHostPort(server, "53"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(limit)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := conn.SetDeadline(end); err != nil {
		return nil, err
	}
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	question := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: kind, Class: dnsmessage.ClassINET}},
	}
	packet, err := question.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil {
		return nil, err
	}
	var answer dnsmessage.Message
	if err := answer.Unpack(buffer[:n]); err != nil {
		return nil, err
	}
	switch {
	case answer.ID != question.ID:
		return nil, errors.New("the answer is to another question")
	case answer.RCode == dnsmessage.RCodeNameError:
		return nil, nil
	case answer.RCode != dnsmessage.RCodeSuccess:
		return nil, fmt.Errorf("it answers %s", answer.RCode)
	}
	var found []netip.Addr
	for _, r := range answer.Answers {
		switch body := r.Body.(type) {
		case *dnsmessage.AResource:
			found = append(found, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			found = append(found, netip.AddrFrom16(body.AAAA))
		}
	}
	return found, nil
}

package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/render"
)

// Findings writes what doctor has found, and what it could not look at.
func (t Text) Findings(findings []doctor.Finding, unseen []string) {
	c := painter(t.Color)
	count := map[doctor.Severity]int{}
	for _, f := range findings {
		count[f.Severity]++
		fmt.Fprintf(t.W, "%s %s  %s\n", severity(c, f.Severity), c(bold, f.Rule), c(faint, evidence(f)))
		fmt.Fprintf(t.W, "        %s\n", visible(f.Cause))
		fmt.Fprintf(t.W, "        %s %s\n\n", c(cyan, "→"), visible(f.Remedy))
	}
	for _, what := range unseen {
		fmt.Fprintln(t.W, c(faint, "Not looked at: "+visible(what)+"."))
	}
	if len(findings) == 0 {
		fmt.Fprintln(t.W, c(green, "Nothing was found."))
		return
	}
	var words []string
	for _, s := range []doctor.Severity{doctor.Error, doctor.Warning, doctor.Info} {
		switch {
		case count[s] == 0:
		case s == doctor.Info:
			words = append(words, fmt.Sprintf("%d to know", count[s]))
		default:
			words = append(words, render.Count(count[s], string(s)))
		}
	}
	fmt.Fprintf(t.W, "%s. regsync doctor --rules lists what is looked for.\n", strings.Join(words, ", "))
}

// evidence is where a finding stands, as editors take it.
func evidence(f doctor.Finding) string {
	if f.Line == 0 {
		return f.Path
	}
	return fmt.Sprintf("%s:%d", f.Path, f.Line)
}

func severity(c paint, s doctor.Severity) string {
	attribute := map[doctor.Severity]int{doctor.Error: red, doctor.Warning: yellow, doctor.Info: cyan}[s]
	return c(attribute, fmt.Sprintf("%-7s", s))
}

// Rules writes what doctor looks for, family by family.
func (t Text) Rules(rules []doctor.Rule) {
	c := painter(t.Color)
	wide := 0
	for _, r := range rules {
		wide = max(wide, len(r.ID))
	}
	for i, family := range doctor.Families() {
		if i > 0 {
			fmt.Fprintln(t.W)
		}
		fmt.Fprintln(t.W, c(bold, string(family)))
		for _, r := range rules {
			if r.Family == family {
				fmt.Fprintf(t.W, "  %s  %-*s  %s\n", severity(c, r.Severity), wide, r.ID, r.Title)
			}
		}
	}
}

// findingsJSON is the form of findings that programs read.
type findingsJSON struct {
	FormatVersion string           `json:"formatVersion"`
	Findings      []doctor.Finding `json:"findings"`
}

// FindingsJSON writes findings as one JSON document.
func FindingsJSON(w io.Writer, findings []doctor.Finding) error {
	return encode(w, findingsJSON{FormatVersion, findings})
}

// ruleJSON is a rule as programs read it.
type ruleJSON struct {
	Rule     string          `json:"rule"`
	Severity doctor.Severity `json:"severity"`
	Family   doctor.Family   `json:"family"`
	Title    string          `json:"title"`
	Cause    string          `json:"cause"`
	Remedy   string          `json:"remedy"`
}

// RulesJSON writes the rules as one JSON document.
func RulesJSON(w io.Writer, rules []doctor.Rule) error {
	doc := struct {
		FormatVersion string     `json:"formatVersion"`
		Rules         []ruleJSON `json:"rules"`
	}{FormatVersion, make([]ruleJSON, 0, len(rules))}
	for _, r := range rules {
		doc.Rules = append(doc.Rules, ruleJSON{r.ID, r.Severity, r.Family, r.Title, r.Cause, r.Remedy})
	}
	return encode(w, doc)
}

package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/regsync/regsync/plan"
)

// historyJSON is the form of the generations that programs read.
type historyJSON struct {
	FormatVersion string            `json:"formatVersion"`
	Generations   []plan.Generation `json:"generations"`
}

// generationJSON is the form of one of them.
type generationJSON struct {
	FormatVersion string `json:"formatVersion"`
	plan.Generation
	Changes []pastJSON `json:"changes"`
}

type pastJSON struct {
	plan.Past
	Diff string `json:"diff"`
}

// HistoryJSON writes the generations as one JSON document.
func HistoryJSON(w io.Writer, list []plan.Generation) error {
	doc := historyJSON{FormatVersion: FormatVersion, Generations: make([]plan.Generation, 0, len(list))}
	for _, g := range list {
		g.Kept = nil
		if g.Changes == nil {
			g.Changes = []plan.Past{}
		}
		doc.Generations = append(doc.Generations, g)
	}
	return encode(w, doc)
}

// GenerationJSON writes a generation with its changes as one JSON document.
func GenerationJSON(w io.Writer, g plan.Generation, changes []plan.Change) error {
	g.Kept = nil
	doc := generationJSON{FormatVersion: FormatVersion, Generation: g, Changes: []pastJSON{}}
	for _, c := range changes {
		past := plan.Past{ID: c.ID, Action: c.Action, Reason: c.Reason, Sensitive: c.Sensitive}
		doc.Changes = append(doc.Changes, pastJSON{past, pastDiff(g, c)})
	}
	return encode(w, doc)
}

// pastDiff gives what a generation changed in what is ours of a file.
func pastDiff(g plan.Generation, c plan.Change) string {
	return unified(c, fmt.Sprintf("%s (generation %d)", c.Name, g.Number-1), fmt.Sprintf("%s (generation %d)", c.Name, g.Number))
}

// History writes the generations, one a line, the last one below.
func (t Text) History(list []plan.Generation) {
	if len(list) == 0 {
		fmt.Fprintln(t.W, "Nothing was applied yet.")
		return
	}
	c := painter(t.Color)
	who := len("BY")
	for _, g := range list {
		who = max(who, len(g.By.User))
	}
	fmt.Fprintf(t.W, "%4s  %-20s  %-*s  %-6s  %s\n", "", "APPLIED", who, "BY", "RESULT", "CHANGES")
	for _, g := range list {
		if g.Damage != "" {
			fmt.Fprintf(t.W, "%4d  %s %s\n", g.Number, c(red, "damaged:"), g.Damage)
			continue
		}
		changes := pastCounts(g)
		if g.Rollback > 0 {
			changes = fmt.Sprintf("rollback to %d: %s", g.Rollback, changes)
		}
		if g.Healed {
			changes = "put back: " + changes
		}
		result := fmt.Sprintf("%-6s", g.Result)
		if g.Result == plan.Part {
			result = c(yellow, result)
		}
		fmt.Fprintf(t.W, "%4d  %-20s  %-*s  %s  %s\n", g.Number, when(g), who, g.By.User, result, changes)
	}
}

// Generation writes a generation: who made it of what, its changes, and what they did to each file as far as that is kept.
func (t Text) Generation(g plan.Generation, changes []plan.Change) {
	c := painter(t.Color)
	fmt.Fprintf(t.W, "Generation %d, applied %s by %s (%s), %s.\n", g.Number, when(g), g.By.User, visible(g.By.Command), g.Result)
	if g.Rollback > 0 {
		fmt.Fprintf(t.W, "It went back to generation %d.\n", g.Rollback)
	}
	if len(g.Files) > 0 {
		fmt.Fprintf(t.W, "From: %s\n", strings.Join(g.Files, ", "))
	}
	fmt.Fprintln(t.W)
	t.table(plan.Plan{Changes: changes}, c)
	for _, x := range changes {
		if text := pastDiff(g, x); text != "" {
			fmt.Fprintln(t.W, colorDiff(visible(text), c))
		}
	}
}

func when(g plan.Generation) string { return g.At.UTC().Format("2006-01-02T15:04:05Z") }

// pastCounts says in a few words what a generation did.
func pastCounts(g plan.Generation) string {
	counts := map[plan.Action]int{}
	for _, p := range g.Changes {
		counts[p.Action]++
	}
	var parts []string
	for _, a := range []plan.Action{plan.Create, plan.Update, plan.Adopt, plan.Delete, plan.Forget} {
		if counts[a] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[a], past[a]))
		}
	}
	if len(parts) == 0 {
		return "effects only"
	}
	return strings.Join(parts, ", ")
}

package main

import "fmt"

// guard refuses a plan that deletes data, or removes more than the user probably meant, and names the flag that lets it pass.
func guard(t trip, ok consent) error {
	removals := t.plan.Removals()
	if removals > 0 && removals == len(t.plan.Changes) && t.plan.Unchanged == 0 && !ok.allowEmpty {
		return hinted{
			fmt.Errorf("the file asks for nothing any more: everything that is there would be removed (%d)", removals),
			"if that is meant: --allow-empty; to give the node back: regsync reset",
		}
	}
	if losses := t.plan.Losses(); len(losses) > 0 && !ok.allowDataLoss {
		return hinted{fmt.Errorf("%s: %s", losses[0].Name, losses[0].Reason), "if that is meant: --allow-data-loss"}
	}
	if limit := t.maxRemovals; removals > limit && !ok.allowRemovals {
		return hinted{
			fmt.Errorf("%d resources would be removed, and policy.maxRemovals is %d", removals, limit),
			"if that is meant: --allow-removals",
		}
	}
	return nil
}

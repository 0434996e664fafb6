# The same as ./run, for fingers that type make: `make test`, `make demo`, `make allie-xero ARGS=--help`.
COMMANDS := demo test lint bench faults converge soak mutants lock allie-xero help

.DEFAULT_GOAL := help
.PHONY: $(COMMANDS)

$(COMMANDS):
	@./run $@ $(ARGS)

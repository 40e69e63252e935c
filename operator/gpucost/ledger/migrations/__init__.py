"""How the ledger's tables came to be: one file in versions/ for each change, run when a ledger is opened."""

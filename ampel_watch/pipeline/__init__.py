"""The three loops that a change passes through: poll, evaluate, deliver. They meet only in the state database."""

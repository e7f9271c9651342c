"""What ``nazad demo`` shows: real data, three kinds of descent, and a plot of their curves."""

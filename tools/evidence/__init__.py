"""The evidence for what the course says, collected, checked, and written to book/evidence.md.

Every equation has a label, one function that computes it, and tests with its marker. Every
statement has a number. A cell of a notebook says in its metadata what it is evidence of, under
"bncourse": a text cell what it "proves" or "defines", a code cell what it "measures" (compares,
asserts or draws). Each is a list of labels and numbers.
"""

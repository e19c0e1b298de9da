"""Four eyes at issuing: one person drafts a result, another approves exactly that, and by that it is issued.

Nothing is signed before the approval, and the approval and the result are one transaction: there is no approved draft
without its result, and of a type that asks for two persons no result without its draft.
"""

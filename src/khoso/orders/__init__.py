"""Status orders: revoking, suspending, restoring and superseding, as decisions on one result or a hundred thousand.

An order says what is decided about which results. It waits for a second person where one is needed, and for its time;
then all of it is carried out in one transaction, or none of it.
"""

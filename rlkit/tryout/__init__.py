"""A task without a policy: what its terms give, how its episodes end, how quick it is."""

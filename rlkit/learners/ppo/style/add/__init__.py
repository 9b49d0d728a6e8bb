"""ADD: a discriminator that tells differences to a reference from none at all."""

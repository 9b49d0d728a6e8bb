"""PPO with a style: a discriminator that tells the policy's motion from the data's gives a second reward."""
